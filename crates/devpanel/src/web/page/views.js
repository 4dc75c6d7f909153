// Draws nodes, the list of servers, the selected server and the activity from the store.

import { byId, bytes, duration, el, percent, setText, timeOfDay } from "./dom.js";
import { harmless } from "./console.js";
import { allOperations, allServers, store } from "./store.js";

const STATUS_LABELS = {
  installing: "installing", install_failed: "install failed", stopped: "stopped", starting: "starting",
  running: "running", stopping: "stopping", restarting: "restarting", crashed: "crashed", suspended: "suspended",
  paused: "paused", unknown: "unknown",
};
const ACTION_LABELS = {
  create_server: "Create", start_server: "Start", stop_server: "Stop", restart_server: "Restart", kill_server: "Kill",
  delete_server: "Delete", "console:command": "Command", list_servers: "List servers",
};
const MAX_SHOWN_OPERATIONS = 60;

export const actionLabel = (action) => ACTION_LABELS[action] ?? action;

/** A server's name, or the start of its id. */
export const serverLabel = (server) => harmless(server.name || shortId(server.serverId));
const shortId = (serverId) => (serverId.length > 24 ? `${serverId.slice(0, 8)}…` : serverId);

function pill(status) {
  return el("span", { class: "pill", "data-status": status }, STATUS_LABELS[status] ?? harmless(status));
}

function meter(label, used, total, text) {
  const share = total > 0 ? Math.min(100, (used / total) * 100) : null;
  const filled = el("div", { class: "meter-filled" });
  filled.style.width = `${share ?? 0}%`;
  const bar = el("div", {
    class: "meter-bar", role: "meter", "aria-label": label, "aria-valuetext": text,
    "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": (share ?? 0).toFixed(0),
  }, filled);
  return el("div", { class: "meter" },
    el("div", { class: "meter-head" }, el("span", {}, label), el("span", { class: "meter-value" }, text)),
    share === null ? null : bar);
}

/** "12.0 of 32.0 GiB": the unit once, if it is the same. */
function share(used, total) {
  const [usedNumber, usedUnit] = bytes(used).split(" ");
  const of = bytes(total);
  return of.endsWith(` ${usedUnit}`) ? `${usedNumber} of ${of}` : `${bytes(used)} of ${of}`;
}

export function drawNodes() {
  const cards = [...store.nodes.values()].map(nodeCard);
  byId("nodes").replaceChildren(...cards);
}

function nodeCard(node) {
  const info = node.systemInfo ?? {};
  const metrics = node.systemMetrics ?? {};
  const viaHttp = node.http ? (node.http.online ? "HTTP online" : `HTTP offline${node.http.error ? `: ${node.http.error}` : ""}`) : null;
  const state = node.online ? "online" : "offline";
  const words = [
    info.cpu ? `${info.cpuCount ?? "?"} × ${info.cpu}` : null,
    info.os ? `${info.os} ${info.arch ?? ""}`.trim() : null,
    info.dockerVersion ? `Docker ${info.dockerVersion}` : null,
    info.agentVersion ? `agent ${info.agentVersion}` : null,
    typeof info.uptime === "number" ? `up ${duration(info.uptime)}` : null,
    viaHttp,
  ].filter(Boolean);
  const memoryTotal = info.totalMemory ?? metrics.memoryTotal;
  const memoryUsed = metrics.memory ?? (info.totalMemory - info.freeMemory);
  const disk = metrics.disk ?? { used: info.totalDisk - info.freeDisk, total: info.totalDisk };
  const meters = [
    Number.isFinite(metrics.cpu) ? meter("CPU", metrics.cpu, 100, percent(metrics.cpu)) : null,
    Number.isFinite(memoryUsed) ? meter("Memory", memoryUsed, memoryTotal, share(memoryUsed, memoryTotal)) : null,
    Number.isFinite(disk.used) ? meter("Disk", disk.used, disk.total, share(disk.used, disk.total)) : null,
  ].filter(Boolean);
  return el("article", { class: "card node", "data-node": node.nodeId, "data-state": state },
    el("div", { class: "node-head" },
      el("h2", {}, harmless(node.nodeId)),
      el("span", { class: "pill", "data-status": node.online ? "running" : "crashed" }, state),
      el("p", { class: "meta" }, words.length > 0 ? harmless(words.join(" · ")) : "no system information yet")),
    meters.length > 0 ? el("div", { class: "meters" }, ...meters) : null);
}

export function drawServerList(selectedId) {
  const servers = allServers();
  setText(byId("server-count"), String(servers.length));
  const list = byId("server-list");
  const focused = document.activeElement?.closest?.("[data-server]")?.dataset.server;
  list.replaceChildren(...servers.map(({ node, server }) => listItem(node, server, selectedId)));
  if (focused) list.querySelector(`[data-server="${CSS.escape(focused)}"]`)?.focus();
  byId("no-servers").hidden = servers.length > 0;
}

function listItem(node, server, selectedId) {
  const figures = server.status === "running" && server.stats
    ? `${percent(server.stats.cpu)} · ${bytes(server.stats.memoryBytes)}` : harmless(server.image ?? "");
  const link = el("a", {
    href: `#/server/${encodeURIComponent(server.serverId)}`, class: "server-item", "data-server": server.serverId,
    "data-status": server.status, "aria-current": server.serverId === selectedId ? "true" : null,
  },
  el("span", { class: "server-item-name" }, serverLabel(server)),
  pill(server.status),
  el("span", { class: "server-item-figures" }, figures),
  store.nodes.size > 1 ? el("span", { class: "server-item-node" }, harmless(node.nodeId)) : null);
  return el("li", {}, link);
}

/** Which actions make sense; the agent has the last word. */
export function possibleActions(node, server, via) {
  const reachable = via === "http" ? store.panel.http : node.online;
  const down = ["stopped", "crashed", "install_failed"].includes(server.status);
  const busy = ["installing", "suspended"].includes(server.status);
  return {
    start_server: reachable && (down || server.status === "unknown") && server.status !== "install_failed",
    stop_server: reachable && !down && !busy && server.status !== "stopping",
    restart_server: reachable && !busy && server.status !== "install_failed",
    kill_server: reachable && !down && server.status !== "suspended",
    delete_server: reachable,
    command: reachable && !down && !busy,
  };
}

export function drawServer({ node, server }, via) {
  setText(byId("server-name"), serverLabel(server));
  const status = byId("server-status");
  status.dataset.status = server.status;
  setText(status, STATUS_LABELS[server.status] ?? harmless(server.status));
  setText(byId("server-meta"), harmless([server.image, server.serverId].filter(Boolean).join(" · ")));
  const trouble = [server.error, server.exitCode ? `exit code ${server.exitCode}` : null, server.message]
    .filter(Boolean).join(" · ");
  const troubled = ["crashed", "install_failed", "unknown"].includes(server.status) || Boolean(server.error);
  byId("server-trouble").hidden = !(troubled && trouble);
  setText(byId("server-trouble"), harmless(trouble));
  const possible = possibleActions(node, server, via);
  for (const button of document.querySelectorAll("[data-action]")) button.disabled = !possible[button.dataset.action];
  const input = byId("console-input");
  input.disabled = !possible.command;
  input.placeholder = possible.command ? "Type a command, Enter sends it" : "The server does not run";
  byId("console-form").querySelector("button").disabled = !possible.command;
}

export function drawFigures(server, charts) {
  const samples = server.samples;
  charts.cpu.draw(samples.map((sample) => sample.cpu), { note: "of one core" });
  const limit = server.memoryLimitBytes;
  charts.memory.draw(samples.map((sample) => sample.memoryBytes), {
    top: limit > 0 ? limit : null, note: limit > 0 ? `of ${bytes(limit)}` : "no limit",
  });
  const stats = server.stats ?? {};
  const facts = [
    ["Network in", bytes(stats.networkIn)], ["Network out", bytes(stats.networkOut)], ["Disk", bytes(stats.diskBytes)],
    ["Players", stats.players ?? "–"], ["Ports", ports(server)],
  ];
  byId("server-facts").replaceChildren(...facts.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, harmless(String(value))))));
}

function ports(server) {
  if (!Array.isArray(server.ports)) return "–";
  const text = (port) => (port.external === port.internal ? `${port.external}` : `${port.external}→${port.internal}`);
  const unique = new Set(server.ports.map((port) => `${text(port)}/${port.protocol ?? "tcp"}`));
  return [...unique].slice(0, 6).join(", ");
}

export function drawActivity() {
  const worthShowing = (operation) =>
    !operation.quiet && !(operation.action === "console:command" && operation.state !== "failed");
  const shown = allOperations().filter(worthShowing).slice(0, MAX_SHOWN_OPERATIONS);
  byId("activity-list").replaceChildren(...shown.map(activityItem));
  byId("no-activity").hidden = shown.length > 0;
}

function activityItem(operation) {
  const took = (new Date(operation.updatedAt) - new Date(operation.sentAt)) / 1000;
  const words = {
    sent: operation.via === "legacy" ? "sent, no answer expected" : "sent",
    inProgress: "under way",
    succeeded: `done in ${took.toFixed(1)} s`,
    failed: [operation.code, operation.message].filter(Boolean).join(": ") || "failed",
  };
  const server = operation.serverId ? serverNamed(operation.serverId) : "";
  return el("li", { class: "activity-item", "data-state": operation.state, "data-operation": operation.id },
    el("span", { class: "activity-mark", "aria-hidden": "true" }),
    el("span", { class: "activity-what" }, el("strong", {}, harmless(actionLabel(operation.action))), ` ${server}`),
    el("time", { datetime: operation.sentAt }, timeOfDay(operation.sentAt)),
    el("span", { class: "activity-outcome" }, harmless(words[operation.state] ?? operation.state)));
}

/** The name of a server that may be gone already. */
export function serverNamed(serverId) {
  const known = allServers().find(({ server }) => server.serverId === serverId);
  return known ? serverLabel(known.server) : harmless(shortId(serverId));
}

export function drawWelcome() {
  const waiting = store.nodes.size === 0;
  byId("nothing-selected").toggleAttribute("data-waiting", waiting);
  setText(byId("welcome-title"), waiting ? "Waiting for an agent" : "Pick a server, or make one");
  setText(byId("welcome-text"), waiting
    ? "No agent has connected yet. Start one with this in its configuration:"
    : "Servers are on the left. “New server” asks for an image and starts it for you.");
  byId("welcome-config").hidden = !waiting;
  setText(byId("welcome-config"), `[node]\nid = "node-1"\n\n[panel]\nurl = "${store.panel.wsUrl}"\nsecret = "the panel's --secret"`);
}
