// The page's main program: takes the event feed, draws what changed once per frame, sends commands.

import { ConsoleView, InputHistory } from "./console.js";
import { Chart } from "./charts.js";
import { confirm, showCreate, showHelp, toast } from "./dialogs.js";
import { byId, bytes, percent, setText } from "./dom.js";
import { allServers, apply, findServer, store } from "./store.js";
import {
  actionLabel, drawActivity, drawFigures, drawNodes, drawServer, drawServerList, drawWelcome,
  serverLabel, serverNamed,
} from "./views.js";

/** How often the page asks for the node's figures; real panels ask about as often. */
const METRICS_EVERY = 10_000;

const consoleView = new ConsoleView();
const charts = {
  cpu: new Chart("chart-cpu", "CPU", percent, 10),
  memory: new Chart("chart-memory", "Memory", bytes, 2),
};
const histories = new Map();
/** Command id of a create -> server to be started when it has succeeded. */
const startAfter = new Map();
/** Command id of a delete -> name to be said when it has succeeded. */
const deletedNames = new Map();
/** Servers whose history was asked for. */
const historyAsked = new WeakSet();
let selectedId = null;
/** The server whose console is on the screen. */
let drawnServer = null;
let pending = freshChanges();
let drawScheduled = false;

function freshChanges() {
  return { parts: new Set(), lines: new Map(), ended: [] };
}

// --- the feed ---

function listen() {
  const feed = new EventSource("/api/events");
  feed.onopen = () => showFeed("live", "live");
  feed.onerror = () => showFeed("lost", "panel not reachable, trying again");
  feed.onmessage = (message) => {
    for (const event of JSON.parse(message.data)) apply(event, pending);
    scheduleDraw();
  };
}

function showFeed(state, text) {
  byId("feed").dataset.state = state;
  setText(byId("feed-text"), text);
}

function scheduleDraw() {
  if (drawScheduled) return;
  drawScheduled = true;
  // Not only an animation frame: pages in the background get none, and their lists must not grow without being drawn.
  const draw = () => {
    if (!drawScheduled) return;
    drawScheduled = false;
    const changed = pending;
    pending = freshChanges();
    drawChanges(changed);
  };
  requestAnimationFrame(draw);
  setTimeout(draw, 500);
}

function drawChanges(changed) {
  const has = (part) => changed.parts.has("all") || changed.parts.has(part);
  if (has("all")) drawVia();
  if (has("nodes")) drawNodes();
  if (has("activity")) drawActivity();
  const lines = changed.lines.get(selectedId);
  // A console that was drawn anew from the store has the new lines already.
  const drawnAnew = drawConsoleOfAnother();
  if (lines && !drawnAnew) consoleView.append(lines);
  if (has("nodes") || has("servers") || has("samples")) {
    drawServerList(selectedId);
    drawSelected();
  }
  changed.ended.forEach(operationEnded);
}

function drawSelected() {
  const found = selectedId === null ? null : findServer(selectedId);
  byId("selected").hidden = found === null;
  byId("nothing-selected").hidden = found !== null;
  document.body.dataset.view = found === null ? "list" : "server";
  if (found === null) return drawWelcome();
  drawServer(found, via());
  drawFigures(found.server, charts);
}

// --- choosing a server ---

function fromAddress() {
  const match = /^#\/server\/(.+)$/.exec(location.hash);
  try {
    select(match ? decodeURIComponent(match[1]) : null);
  } catch {
    select(null);
  }
}

function select(serverId) {
  selectedId = serverId;
  drawConsoleOfAnother();
  drawServerList(selectedId);
  drawSelected();
}

/** Draws the console if it is another one than before: another server, or the same one as a new panel knows it. */
function drawConsoleOfAnother() {
  const found = findServer(selectedId);
  if (!found || found.server === drawnServer) return false;
  drawnServer = found.server;
  consoleView.replace(found.server.console);
  askForHistory(found);
  return true;
}

/** A panel that was started after the game has no lines of it; the agent does. */
function askForHistory({ node, server }) {
  if (server.console.length > 0 || !node.online || historyAsked.has(server)) return;
  historyAsked.add(server);
  const payload = { lines: 500 };
  post({ node: node.nodeId, action: "console:history", serverId: server.serverId, payload, quiet: true, via: "ws" });
}

function step(direction) {
  const servers = allServers();
  if (servers.length === 0) return;
  const at = servers.findIndex(({ server }) => server.serverId === selectedId);
  const next = servers[(at + direction + servers.length) % servers.length] ?? servers[0];
  location.hash = `#/server/${encodeURIComponent(next.server.serverId)}`;
}

// --- commands ---

const via = () => byId("via").value;

function drawVia() {
  const http = byId("via").querySelector("[value=http]");
  http.disabled = !store.panel.http;
  if (http.disabled && via() === "http") byId("via").value = "ws";
}

/** Sends a command; gives `{id}` or `{error}`. */
async function post(body) {
  try {
    const response = await fetch("/api/command", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    return await response.json();
  } catch {
    return { error: "the dev panel is not reachable" };
  }
}

async function send(node, action, serverId, payload) {
  const answer = await post({ node: node.nodeId, action, serverId, payload, via: via() });
  if (answer.error) toast(`${actionLabel(action)}: ${answer.error}`, "error");
  return answer;
}

async function act(action) {
  const found = findServer(selectedId);
  if (!found) return;
  const { node, server } = found;
  const name = serverLabel(server);
  if (action === "delete_server") {
    const text = "Its container goes, and its files go to the node's trash. The server cannot be started again.";
    if (!(await confirm({ title: `Delete “${name}”?`, text, yes: "Delete" }))) return;
  }
  const answer = await send(node, action, server.serverId);
  if (action === "delete_server" && answer.id) deletedNames.set(answer.id, name);
}

function operationEnded(operation) {
  if (operation.quiet) return;
  const name = deletedNames.get(operation.id) ?? (operation.serverId ? serverNamed(operation.serverId) : "");
  if (operation.state === "failed") {
    const why = [operation.code, operation.message].filter(Boolean).join(": ");
    toast(`${actionLabel(operation.action)} ${name} failed. ${why}`, "error");
  } else if (operation.action !== "console:command") {
    toast(`${actionLabel(operation.action)} ${name}: done`, "good");
  }
  const start = startAfter.get(operation.id);
  startAfter.delete(operation.id);
  if (start && operation.state === "succeeded") send(start.node, "start_server", start.serverId);
}

function openCreate() {
  const nodes = [...store.nodes.values()];
  const node = findServer(selectedId)?.node ?? nodes.find((candidate) => candidate.online) ?? nodes[0];
  if (!node) return toast("No agent has connected yet: there is nowhere to create a server.", "error");
  showCreate(async ({ serverId, payload, start }) => {
    const answer = await post({ node: node.nodeId, action: "create_server", serverId, payload, via: via() });
    if (answer.error) return answer.error;
    if (start) startAfter.set(answer.id, { node, serverId });
    location.hash = `#/server/${encodeURIComponent(serverId)}`;
    return null;
  });
}

// --- the console's input ---

function historyOf(serverId) {
  if (!histories.has(serverId)) histories.set(serverId, new InputHistory());
  return histories.get(serverId);
}

byId("console-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const found = findServer(selectedId);
  const input = byId("console-input");
  if (!found || input.disabled) return;
  const command = input.value;
  historyOf(selectedId).add(command);
  input.value = "";
  consoleView.following = true;
  send(found.node, "console:command", selectedId, { command });
});

byId("console-input").addEventListener("keydown", (event) => {
  const direction = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (direction && selectedId) {
    event.preventDefault();
    const entry = historyOf(selectedId).step(direction, event.target.value);
    if (entry !== null) {
      event.target.value = entry;
      event.target.setSelectionRange(entry.length, entry.length);
    }
  } else if (event.key === "Escape") {
    event.stopPropagation();
    event.target.blur();
  }
});

byId("console-times").addEventListener("click", (event) => {
  const shown = byId("console-lines").classList.toggle("with-times");
  event.currentTarget.setAttribute("aria-pressed", String(shown));
  if (consoleView.following) consoleView.scrollToEnd();
});

// --- theme, keys, buttons ---

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText(byId("theme"), `◐ ${theme}`);
  byId("theme").setAttribute("aria-label", `Theme: ${theme}`);
  try {
    localStorage.setItem("devpanel.theme", theme);
  } catch {
    // Not remembered, then.
  }
}

function nextTheme() {
  const order = ["auto", "light", "dark"];
  const now = document.documentElement.dataset.theme ?? "auto";
  setTheme(order[(order.indexOf(now) + 1) % order.length]);
}

const keys = {
  n: openCreate,
  "/": () => byId("console-input").focus(),
  "?": showHelp,
  t: nextTheme,
  "[": () => step(-1),
  "]": () => step(1),
  Escape: () => { location.hash = "#/"; },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const action = keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", () => act(button.dataset.action));
}
byId("new-server").addEventListener("click", openCreate);
byId("help").addEventListener("click", showHelp);
byId("theme").addEventListener("click", nextTheme);
byId("via").addEventListener("change", drawSelected);
addEventListener("hashchange", fromAddress);

/** The node's own figures have no push; panels ask for them. An agent that cannot tell is asked no more. */
function askForMetrics() {
  if (document.hidden) return;
  for (const node of store.nodes.values()) {
    const cannot = node.operations.some((known) => known.action === "get_system_metrics" && known.state === "failed");
    if (node.online && !cannot) post({ node: node.nodeId, action: "get_system_metrics", quiet: true, via: "ws" });
  }
}

try {
  setTheme(localStorage.getItem("devpanel.theme") ?? "auto");
} catch {
  setTheme("auto");
}
fromAddress();
listen();
setInterval(askForMetrics, METRICS_EVERY);
setTimeout(askForMetrics, 1500);
