// Dialogs and toasts. The browser's own <dialog> brings focus keeping and Esc.

import { byId, el } from "./dom.js";

const REMEMBERED = ["image", "memory", "cpu", "startup", "stop", "ports", "environment"];
const STORAGE_KEY = "devpanel.create";
const MAX_TOASTS = 4;

/** Shows a message for a while; errors stay longer, and can be read again in the activity. */
export function toast(text, kind = "info") {
  const close = el("button", { class: "button ghost small", type: "button", "aria-label": "Close message" }, "×");
  const box = el("div", { class: "toast", "data-kind": kind, role: kind === "error" ? "alert" : null },
    el("span", {}, text), close);
  close.addEventListener("click", () => box.remove());
  const toasts = byId("toasts");
  toasts.append(box);
  while (toasts.childElementCount > MAX_TOASTS) toasts.firstElementChild.remove();
  setTimeout(() => box.remove(), kind === "error" ? 20_000 : 5_000);
}

/** Asks; resolves to true only if the question was answered with yes. */
export function confirm({ title, text, yes }) {
  const dialog = byId("confirm-dialog");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function showHelp() {
  byId("help-dialog").showModal();
}

/** Opens the form for a new server; `create` gets what was filled in and gives an error text or null. */
export function showCreate(create) {
  const dialog = byId("create-dialog");
  const form = byId("create-form");
  const error = byId("create-error");
  form.reset();
  recall(form);
  form.elements.serverId.value = newServerId();
  error.hidden = true;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const problem = firstProblem(form);
    const failure = problem ?? (await create(filledIn(form)));
    if (failure === null) {
      remember(form);
      dialog.close();
      return;
    }
    error.textContent = failure;
    error.hidden = false;
  };
  dialog.querySelector("[data-close]").onclick = () => dialog.close();
  dialog.showModal();
  form.elements.name.focus();
}

/** A random v4 uuid; `crypto.randomUUID` is missing on plain HTTP pages that are not on localhost. */
function newServerId() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  random[6] = (random[6] & 0x0f) | 0x40;
  random[8] = (random[8] & 0x3f) | 0x80;
  const hex = [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** What is wrong with the form, in words; null if nothing is. Marks the field and goes there. */
function firstProblem(form) {
  for (const field of form.elements) field.removeAttribute?.("aria-invalid");
  const complain = (name, text) => {
    form.elements[name].setAttribute("aria-invalid", "true");
    form.elements[name].focus();
    return text;
  };
  const { elements } = form;
  if (elements.name.value.trim() === "") return complain("name", "The server needs a name.");
  if (elements.image.value.trim() === "") return complain("image", "The server needs an image.");
  if (!elements.memory.validity.valid) return complain("memory", "Memory is a whole number of MiB, 0 for no limit.");
  if (!elements.cpu.validity.valid) return complain("cpu", "CPU is a whole number of percent, 0 for no limit.");
  if (!elements.serverId.validity.valid) {
    return complain("serverId", "The id has 1 to 64 letters, digits, dashes or underscores.");
  }
  const line = environmentLines(form).find((text) => !/^[^=]+=/.test(text));
  if (line !== undefined) return complain("environment", `“${line}” is not NAME=value.`);
  const port = portTexts(form).find((text) => !/^\d{1,5}(:\d{1,5})?(\/(tcp|udp))?$/.test(text));
  if (port !== undefined) return complain("ports", `“${port}” is not a port; write 25565, or 25566:25565/tcp.`);
  return null;
}

const environmentLines = (form) => form.elements.environment.value.split("\n").map((line) => line.trim()).filter(Boolean);
const portTexts = (form) => form.elements.ports.value.split(/[,\s]+/).filter(Boolean);

function filledIn(form) {
  const { elements } = form;
  const environment = {};
  for (const line of environmentLines(form)) {
    const at = line.indexOf("=");
    environment[line.slice(0, at)] = line.slice(at + 1);
  }
  const payload = {
    name: elements.name.value.trim(),
    image: elements.image.value.trim(),
    environment,
    limits: { memory: Number(elements.memory.value), cpu: Number(elements.cpu.value) },
  };
  if (elements.startup.value.trim() !== "") payload.startup = elements.startup.value.trim();
  if (elements.stop.value.trim() !== "") payload.stop = elements.stop.value.trim();
  const ports = portTexts(form).map((text) => (text.includes(":") ? text : text.replace(/^(\d+)/, "$1:$1")));
  if (ports.length > 0) payload.ports = ports;
  return { serverId: elements.serverId.value.trim(), payload, start: elements.start.checked };
}

function remember(form) {
  const values = Object.fromEntries(REMEMBERED.map((name) => [name, form.elements[name].value]));
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(values));
  } catch {
    // No storage, nothing remembered.
  }
}

function recall(form) {
  try {
    const values = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "{}");
    for (const name of REMEMBERED) if (typeof values[name] === "string") form.elements[name].value = values[name];
  } catch {
    // Nothing remembered.
  }
}
