// What the page knows: the panel's view, kept up to date by the event feed.

/** Console lines kept per server; the oldest go first. */
export const MAX_LINES = 5000;
const MAX_SAMPLES = 150;
const MAX_OPERATIONS = 200;

export const store = {
  panel: { wsUrl: "", http: false },
  /** Map of node id to node; a node has `servers`, a Map of server id to server. */
  nodes: new Map(),
};

/** All servers with their node, by name. */
export function allServers() {
  const found = [];
  for (const node of store.nodes.values()) {
    for (const server of node.servers.values()) found.push({ node, server });
  }
  const label = ({ server }) => (server.name ?? server.serverId).toLowerCase();
  return found.sort((a, b) => label(a).localeCompare(label(b)) || a.server.serverId.localeCompare(b.server.serverId));
}

export function findServer(serverId) {
  return allServers().find(({ server }) => server.serverId === serverId) ?? null;
}

/** All operations, newest first. */
export function allOperations() {
  const found = [...store.nodes.values()].flatMap((node) => node.operations);
  return found.sort((a, b) => b.sentAt.localeCompare(a.sentAt));
}

/**
 * Applies one event of the feed. `changed` collects what must be drawn again: "nodes", "servers", "activity", and for a
 * server "console:<id>", "samples:<id>"; `lines` are the new console lines by server, `ended` the operations that ended.
 */
export function apply(event, changed) {
  switch (event.kind) {
    case "snapshot": return applySnapshot(event, changed);
    case "node": {
      Object.assign(nodeFor(event.node.nodeId), event.node);
      changed.parts.add("nodes");
      return;
    }
    case "server": {
      Object.assign(serverFor(event.nodeId, event.server.serverId), event.server);
      changed.parts.add("servers");
      return;
    }
    case "removed": {
      nodeFor(event.nodeId).servers.delete(event.serverId);
      changed.parts.add("servers");
      return;
    }
    case "sample": {
      const server = serverFor(event.nodeId, event.serverId);
      server.stats = event.stats;
      push(server.samples, [event.stats], MAX_SAMPLES);
      changed.parts.add("samples");
      return;
    }
    case "console": {
      push(serverFor(event.nodeId, event.serverId).console, event.lines, MAX_LINES);
      const lines = changed.lines.get(event.serverId) ?? [];
      lines.push(...event.lines);
      changed.lines.set(event.serverId, lines);
      return;
    }
    case "operation": return applyOperation(event, changed);
  }
}

/** The panel starts anew, or this page could not keep up: everything is replaced. */
function applySnapshot(event, changed) {
  store.panel = event.panel;
  store.nodes = new Map();
  for (const node of event.nodes) {
    const servers = new Map(Object.entries(node.servers));
    store.nodes.set(node.nodeId, { ...node, servers });
  }
  changed.parts.add("all");
  changed.lines.clear();
}

function applyOperation({ nodeId, operation }, changed) {
  const operations = nodeFor(nodeId).operations;
  const index = operations.findIndex((known) => known.id === operation.id);
  const before = index >= 0 ? operations[index].state : null;
  if (index >= 0) operations[index] = operation;
  else push(operations, [operation], MAX_OPERATIONS);
  changed.parts.add("activity");
  if (operation.state !== before && ["succeeded", "failed"].includes(operation.state)) changed.ended.push(operation);
}

function nodeFor(nodeId) {
  if (!store.nodes.has(nodeId)) store.nodes.set(nodeId, { nodeId, servers: new Map(), operations: [] });
  return store.nodes.get(nodeId);
}

function serverFor(nodeId, serverId) {
  const servers = nodeFor(nodeId).servers;
  if (!servers.has(serverId)) {
    servers.set(serverId, { serverId, status: "unknown", console: [], samples: [], stats: null });
  }
  return servers.get(serverId);
}

function push(list, items, bound) {
  for (const item of items) list.push(item);
  if (list.length > bound) list.splice(0, list.length - bound);
}
