// The page: files in, answers out, settings kept. The only requests are to nodes that the reader names.

import { Fault } from "../core/fault.js";
import { readPolicy } from "../core/policy.js";
import { focusAsked, forgetAsked, NOW, readAsked, showAsked, showZone } from "./asked-moment.js";
import { byId, h, showState } from "./dom.js";
import { noteCard, reportCard, spoken } from "./render.js";
import { isKept, keep, LineFault, loadSettings, readBlocks, readNodes, recall } from "./settings.js";
import { MOST_BYTES, paired, verify } from "./verifying.js";
import { choose, language, LANGUAGES, say, speak } from "./words.js";

/** What the reader has given: files as opened, the moment asked about, and what came of each file. */
const desk = { files: [], asked: NOW, answers: [], run: 0 };
const given = byId("given-policy").content.textContent.trim();
let settings = loadSettings(given);

// Words

function showWords() {
  document.title = say("app.title");
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  byId("kept").textContent = say(isKept ? "storage.kept" : "storage.refused");
  showTrust();
  showChain();
  showAsked(desk.asked);
  showAnswers();
}

function setLanguage(tag) {
  speak(tag);
  byId("language").value = language();
  showWords();
}

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").value = theme;
}

// Answers

function showAnswers() {
  byId("results").hidden = desk.answers.length === 0;
  const open = desk.answers.filter(({ report }) => report).length === 1;
  byId("list").replaceChildren(
    ...desk.answers.map(({ name, report, text, note }) =>
      report ? reportCard(name, report, text, open) : noteCard(...note),
    ),
  );
}

/**
 * Judges all files anew; what an earlier run still has to say is not shown. False where the moment asked
 * about has to be mended first.
 */
async function judgeAll() {
  const run = (desk.run += 1);
  const now = BigInt(Date.now()) * 1000n;
  desk.asked = readAsked(now);
  showAsked(desk.asked);
  if (desk.asked.fault) {
    byId("busy").textContent = "";
    focusAsked();
    return false;
  }
  const answers = [];
  for (const { name, bytes, size, receipt, lonely } of paired(desk.files)) {
    await showBusy(say("busy", { name }));
    if (bytes === null) answers.push({ note: ["file.unopened", { name }] });
    else if (lonely) answers.push({ note: ["file.lonely", { name, credential: name.replace(".receipt.json", ".json") }] });
    else answers.push({ name, ...(await verify({ bytes, size, receipt }, settings, now, desk.asked.at)) });
    if (run !== desk.run) return true;
  }
  await showBusy("");
  if (run !== desk.run) return true;
  desk.answers = answers;
  showAnswers();
  byId("live").textContent = answers.length > SPOKEN_AT_MOST ? say("results.many", { count: answers.length }) : answers.map(heard).join(" ");
  return true;
}

/** Answers read out at once; of more a screen reader is told how many there are, and finds each by its heading. */
const SPOKEN_AT_MOST = 5;

const heard = ({ name, report, note }) => (report ? spoken(name, report) : say(...note));

/** To eyes and ears; and lets the browser draw it before the next file is judged. */
async function showBusy(text) {
  byId("busy").textContent = byId("live").textContent = text;
  await new Promise((done) => setTimeout(done));
}

/** @param {{name: string, size: number, bytes: Uint8Array | null}[]} files a new file replaces one of its name */
async function take(files) {
  const names = new Set(files.map(({ name }) => name));
  desk.files = [...desk.files.filter(({ name }) => !names.has(name)), ...files];
  if (await judgeAll()) goToAnswers();
}

function goToAnswers() {
  byId("results").scrollIntoView({ block: "start" });
  byId("results-title").focus({ preventScroll: true });
}

async function opened(file) {
  try {
    return { name: file.name, size: file.size, bytes: new Uint8Array(await file.slice(0, MOST_BYTES).arrayBuffer()) };
  } catch {
    return { name: file.name, size: 0, bytes: null }; // a folder, or a file that has gone
  }
}

const takeFiles = async (list) => take(await Promise.all([...list].map(opened)));

async function takeText(text) {
  if (text.trim() === "") return;
  const bytes = new TextEncoder().encode(text);
  await take([{ name: say("pasted"), size: bytes.length, bytes }]);
}

async function checkPasted() {
  const { value } = byId("pasted");
  const isEmpty = value.trim() === "";
  byId("pasted").setAttribute("aria-invalid", String(isEmpty));
  byId("paste-state").textContent = isEmpty ? say("paste.empty") : "";
  if (isEmpty) byId("pasted").focus();
  else await takeText(value);
}

function wireFiles() {
  const drop = byId("drop");
  const files = byId("files");
  byId("choose").addEventListener("click", () => files.click());
  files.addEventListener("change", async () => {
    await takeFiles(files.files);
    files.value = "";
  });
  const over = (isOver) => (event) => {
    event.preventDefault();
    drop.classList.toggle("over", isOver);
  };
  // The whole page takes a drop: one that misses the field must not leave the page.
  document.addEventListener("dragover", over(true));
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    over(false)(event);
    if (event.dataTransfer.files.length) takeFiles(event.dataTransfer.files);
    else takeText(event.dataTransfer.getData("text/plain"));
  });
  document.addEventListener("paste", (event) => {
    if (event.target.closest("textarea, input")) return;
    if (event.clipboardData.files.length) takeFiles(event.clipboardData.files);
    else takeText(event.clipboardData.getData("text/plain"));
  });
  byId("paste").addEventListener("click", ({ currentTarget }) => {
    const area = byId("paste-area");
    area.hidden = !area.hidden;
    currentTarget.setAttribute("aria-expanded", String(!area.hidden));
    if (!area.hidden) byId("pasted").focus();
  });
  byId("check").addEventListener("click", checkPasted);
  byId("print").addEventListener("click", () => print());
  byId("clear").addEventListener("click", () => {
    desk.run += 1;
    desk.files = desk.answers = [];
    byId("busy").textContent = byId("live").textContent = "";
    showAnswers();
    byId("choose").focus();
  });
}

async function askAgain(event) {
  event.preventDefault();
  if ((await judgeAll()) && desk.files.length) goToAnswers();
}

function wirePast() {
  byId("past-form").addEventListener("submit", askAgain);
  byId("past-form").addEventListener("input", showZone);
  byId("past-now").addEventListener("click", (event) => {
    forgetAsked();
    return askAgain(event);
  });
}

// Settings

function showTrust() {
  const names = settings.policy.issuers.map(({ name }) => name);
  if (names.length) showState("trust-state", "good", say(settings.given ? "trust.given" : "trust.state", { names }));
  else showState("trust-state", "open", say(settings.policyText ? "trust.empty" : "trust.none"));
}

function showChain() {
  const { blocks, nodes } = settings;
  showState("chain-state", blocks.length + nodes.length ? "good" : "open", say("chain.state", { blocks: blocks.length, nodes: nodes.length }));
}

async function savePolicy() {
  const text = byId("policy").value;
  try {
    if (text.trim() !== "") readPolicy(text);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    showState("trust-state", "fault", say("trust.fault", { fault }));
    return;
  }
  keep("policy", text.trim() === "" ? null : text);
  await applySettings();
}

async function saveChain() {
  for (const [id, read] of [["blocks", readBlocks], ["nodes", readNodes]]) {
    try {
      read(byId(id).value);
    } catch (fault) {
      if (!(fault instanceof LineFault)) throw fault;
      showState("chain-state", "fault", say("chain.fault", { line: fault.line, field: { key: `chain.${id}`, values: {} } }));
      byId(id).focus();
      return;
    }
  }
  for (const id of ["blocks", "nodes", "agree"]) keep(id, byId(id).value);
  await applySettings();
}

async function applySettings() {
  settings = loadSettings(given);
  showTrust();
  showChain();
  if (desk.files.length) await judgeAll();
}

function wireSettings() {
  byId("policy").value = settings.policyText;
  byId("blocks").value = settings.blocksText;
  byId("nodes").value = settings.nodesText;
  byId("agree").value = String(settings.agree);
  byId("policy-save").addEventListener("click", savePolicy);
  byId("chain-save").addEventListener("click", saveChain);
  byId("policy-load").addEventListener("click", () => byId("policy-file").click());
  byId("policy-file").addEventListener("change", async ({ currentTarget }) => {
    byId("policy").value = await currentTarget.files[0].slice(0, MOST_BYTES).text();
    currentTarget.value = "";
    await savePolicy();
  });
  byId("policy-forget").addEventListener("click", async () => {
    keep("policy", null);
    byId("policy").value = given;
    await applySettings();
  });
}

function wireLook() {
  byId("language").append(...Object.entries(LANGUAGES).map(([tag, { name }]) => h("option", { value: tag, lang: tag }, name)));
  byId("language").addEventListener("change", ({ currentTarget }) => {
    keep("language", currentTarget.value);
    setLanguage(currentTarget.value);
  });
  byId("theme").addEventListener("change", ({ currentTarget }) => {
    keep("theme", currentTarget.value);
    setTheme(currentTarget.value);
  });
  setTheme(recall("theme") ?? "auto");
  setLanguage(recall("language") ?? choose(navigator.languages));
}

wireFiles();
wirePast();
wireSettings();
wireLook();
