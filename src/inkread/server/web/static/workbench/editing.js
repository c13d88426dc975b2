// The lines of one page while a person works on them: commands, undo, saving, and merging with what others saved.
//
// Events: "lines" (detail: ids that changed, or null for all), "status" (detail: saved|unsaved|saving|offline|conflict),
// "saved" (detail: the page), "merged" (with what somebody else saved), "conflict" (detail: {conflicts, user, time};
// answer with decide()).

import { get, Problem, send, user } from "./api.js";
import { forget, keep, left, tab } from "./drafts.js";
import { align, merge, place } from "./merge.js";
import * as shapes from "./shapes.js";

const SAVE_AFTER = 800;
const SAVE_AT_LATEST = 5000;
const RETRY_AFTER = 3000;
const ONE_STEP = 1000; // typing without a longer pause is undone together

export class Editing extends EventTarget {
  constructor(page, path) {
    super();
    this.path = path;
    this.key = `${user} ${page.document} ${page.number} ${tab}`;
    this.done = [];
    this.undone = [];
    this.status = "saved";
    this.waiting = []; // conflicts that a person has to decide
    this._take(page);
    this.lines = page.lines;
    this._online = () => this._schedule(0);
    addEventListener("online", this._online);
  }

  _take(page) {
    this.page = page;
    this.base = page.lines;
    this.revision = page.revision;
  }

  get(id) {
    return this.lines.find((line) => line.id === id);
  }

  get dirty() {
    return this.lines !== this.base;
  }

  // ---- commands: each is one step of undo

  write(id, text) {
    const line = this.get(id);
    if (line.text === text) return;
    this._replace([{ ...line, text, words: align(text, line.words), corrected_by: user, flags: [] }], `text ${id}`);
  }

  choose(id, text) {
    const line = this.get(id);
    this._replace([{ ...line, text, words: align(text, line.words), corrected_by: user, flags: [] }]);
  }

  accept(id) {
    const line = this.get(id);
    if (line.corrected_by && !line.flags.length) return;
    this._replace([{ ...line, corrected_by: user, flags: [] }]);
  }

  // The kind of region that a line, or each line of its region, belongs to.
  classify(id, kind, whole) {
    const { region } = this.get(id);
    const chosen = this.lines.filter((line) => line.id === id || (whole && region && line.region === region));
    const changed = chosen.filter((line) => line.kind !== kind).map((line) => ({ ...line, kind }));
    if (changed.length) this._replace(changed);
  }

  // Lines become a region with this outline, at the place of the first of them in the order; a region that had other
  // lines too keeps those. Gives the first line's id.
  enclose(ids, frame) {
    const region = shapes.newId();
    const inside = this.lines.filter((line) => ids.includes(line.id)).map((line, at) => ({ ...line, region, frame: at ? [] : frame }));
    if (!inside.length) return null;
    const at = this.lines.findIndex((line) => line.id === inside[0].id);
    const others = this.lines.filter((line) => !ids.includes(line.id));
    const before = this.lines.slice(0, at).filter((line) => !ids.includes(line.id)).length;
    this._step([...others.slice(0, before), ...inside, ...others.slice(before)]);
    return inside[0].id;
  }

  // The outline of a line's region. Lines of the page that lie in it belong to the region, those that do not leave it.
  reframe(id, frame) {
    const { region } = this.get(id);
    const inside = shapes.within(this.lines, frame);
    if (!inside.length) return false;
    const left = shapes.newId();
    const apart = this.lines.map((line) => (line.region === region && !inside.includes(line.id) ? { ...line, region: left, frame: [] } : line));
    const first = inside[0];
    this._step(apart.map((line) => (inside.includes(line.id) ? { ...line, region, kind: this.get(id).kind, frame: line.id === first ? frame : [] } : line)));
    return true;
  }

  // Put the region of a line before the region that comes before it, or behind the next one.
  reorderRegion(id, by) {
    const blocks = [];
    for (const line of this.lines) {
      if (blocks.length && line.region && blocks.at(-1)[0].region === line.region) blocks.at(-1).push(line);
      else blocks.push([line]);
    }
    const at = blocks.findIndex((block) => block.some((line) => line.id === id));
    const to = at + by;
    if (at < 0 || to < 0 || to >= blocks.length) return;
    blocks.splice(to, 0, ...blocks.splice(at, 1));
    this._step(blocks.flat());
  }

  split(id, at) {
    const line = this.get(id);
    const [before, after] = [line.text.slice(0, at).trim(), line.text.slice(at).trim()];
    if (!before || !after) return null;
    const share = before.length / (before.length + after.length);
    const { cut, before: first, after: second } = shapes.divided(line.baseline, share);
    const turn = shapes.angle(line.baseline);
    const part = (text, baseline, side) => ({
      ...line,
      text,
      baseline,
      polygon: line.polygon?.length ? shapes.half(line.polygon, cut, turn, side) : [],
      words: align(text, line.words),
      alternatives: [],
      corrected_by: user,
      flags: [],
    });
    const added = { ...part(after, second, 1), id: shapes.newId() };
    const lines = this.lines.flatMap((other) => (other.id === id ? [part(before, first, -1), added] : [other]));
    this._step(lines);
    return added.id;
  }

  join(id) {
    const at = this.lines.findIndex((line) => line.id === id);
    const next = this.lines[at + 1];
    if (!next) return false;
    const line = this.lines[at];
    const text = `${line.text} ${next.text}`.trim();
    const together = {
      ...line,
      text,
      baseline: shapes.joined(line.baseline, next.baseline),
      polygon: shapes.hull([...shapes.outline(line), ...shapes.outline(next)]),
      words: align(text, [...line.words, ...next.words]),
      alternatives: [],
      corrected_by: user,
      flags: [],
    };
    this._step(this.lines.flatMap((other) => (other === line ? [together] : other === next ? [] : [other])));
    return true;
  }

  remove(id) {
    this._step(this.lines.filter((line) => line.id !== id));
  }

  reorder(id, by) {
    const at = this.lines.findIndex((line) => line.id === id);
    const to = at + by;
    if (to < 0 || to >= this.lines.length) return;
    const lines = [...this.lines];
    lines.splice(to, 0, ...lines.splice(at, 1));
    this._step(lines);
  }

  // A line's new place, and what the server reads there. A text that a person wrote stays; the new reading becomes
  // an alternative.
  async place(id, baseline, polygon = null) {
    const line = this.get(id);
    this._replace([{ ...line, baseline, polygon: polygon ?? shapes.moved(line.polygon ?? [], 0, 0) }]);
    const step = this.done.at(-1);
    const read = await this._read(polygon ? { baseline, polygon } : { baseline });
    const now = this.get(id);
    if (!now || JSON.stringify(now.baseline) !== JSON.stringify(baseline)) return null; // moved again, or gone
    const others = [{ text: read.text, confidence: read.confidence }, ...read.alternatives];
    const result = now.corrected_by
      ? { ...now, polygon: read.polygon, alternatives: others.filter((other) => other.text !== now.text) }
      : { ...now, ...read, id, kind: now.kind, region: now.region, cell: now.cell, insertion: now.insertion, corrected_by: null };
    this._replace([result], null, step);
    return result;
  }

  async add(baseline) {
    const read = await this._read({ baseline });
    const line = { ...read, id: shapes.newId(), corrected_by: null };
    const lines = [...this.lines];
    lines.splice(shapes.position(lines, baseline), 0, line);
    this._step(lines);
    return line.id;
  }

  _read(shape) {
    return send("POST", `${this.path}/lines`, shape);
  }

  // ---- undo: a step holds what its lines were and became, so that undoing leaves others' changes alone

  _replace(changed, together = null, into = null) {
    const ids = new Map(changed.map((line) => [line.id, line]));
    this._step(
      this.lines.map((line) => ids.get(line.id) ?? line),
      together,
      into,
    );
  }

  _step(lines, together = null, into = null) {
    const before = new Map(this.lines.map((line) => [line.id, line]));
    const after = new Map(lines.map((line) => [line.id, line]));
    const changes = new Map();
    for (const id of new Set([...before.keys(), ...after.keys()])) {
      if (before.get(id) !== after.get(id)) changes.set(id, [before.get(id) ?? null, after.get(id) ?? null]);
    }
    const order = [this.lines.map((line) => line.id), lines.map((line) => line.id)];
    const last = into ?? this.done.at(-1);
    const now = performance.now();
    if (last && (last === into || (together && last.together === together && now - last.time < ONE_STEP))) {
      for (const [id, [was, is]] of changes) last.changes.set(id, [last.changes.has(id) ? last.changes.get(id)[0] : was, is]);
      last.time = now;
    } else {
      this.done.push({ changes, order, together, time: now });
    }
    this.undone = [];
    this._show(lines, order[0].join() === order[1].join() ? [...changes.keys()] : null);
  }

  undo() {
    return this._turn(this.done, this.undone, 0);
  }

  redo() {
    return this._turn(this.undone, this.done, 1);
  }

  _turn(from, to, side) {
    const step = from.pop();
    if (!step) return null;
    to.push({ ...step, together: null });
    const lines = new Map(this.lines.map((line) => [line.id, line]));
    for (const [id, sides] of step.changes) {
      if (sides[side]) lines.set(id, sides[side]);
      else lines.delete(id);
    }
    const moved = step.order[0].join() !== step.order[1].join();
    const present = this.lines.map((line) => line.id);
    const ids = moved ? place(step.order[side], present) : present;
    this._show(ids.filter((id) => lines.has(id)).map((id) => lines.get(id)), moved ? null : [...step.changes.keys()]);
    return [...step.changes].find(([, sides]) => sides[side])?.[0] ?? null;
  }

  _show(lines, ids) {
    this.lines = lines;
    this._changed();
    this.dispatchEvent(new CustomEvent("lines", { detail: ids }));
  }

  // ---- saving

  _changed() {
    this._say("unsaved");
    this._kept ??= setTimeout(() => this._keep(), 100);
    this.since ??= performance.now();
    this._schedule(Math.min(SAVE_AFTER, this.since + SAVE_AT_LATEST - performance.now()));
  }

  _keep() {
    clearTimeout(this._kept);
    this._kept = null;
    if (!this.dirty || this.waiting.length) return Promise.resolve(); // a conflict has its own draft
    const { document, number } = this.page;
    const draft = { key: this.key, user, document, page: number, tab, revision: this.revision, base: this.base, lines: this.lines };
    return keep(draft).catch(() => null);
  }

  _schedule(milliseconds) {
    clearTimeout(this._timer);
    if (this.dirty && !this.waiting.length) this._timer = setTimeout(() => this.save(), Math.max(0, milliseconds));
  }

  _say(status) {
    if (this.status === status) return;
    this.status = status;
    this.dispatchEvent(new CustomEvent("status", { detail: status }));
  }

  // Send what changed. One request at a time; changes made meanwhile follow.
  save(state = null) {
    clearTimeout(this._timer);
    this._saving = (this._saving ?? Promise.resolve()).catch(() => null).then(() => this._send(state));
    return this._saving;
  }

  async _send(state, tries = 5) {
    if ((!this.dirty && !state) || this.waiting.length) return;
    const sent = this.lines;
    this.since = null;
    this._say("saving");
    try {
      const body = { lines: sent, state: state ?? (this.page.state === "done" ? "done" : "in_correction") };
      const headers = { "If-Match": `"${this.revision}"` };
      this._adopt(await send("PUT", this.path, body, headers), sent);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 412 && tries > 0) {
        await this.fetch(error.body);
        if (!this.waiting.length) await this._send(state, tries - 1);
        return;
      }
      await this._keep();
      this.reason = error.message;
      this.refused = error.status > 0 && error.status < 500;
      this._say("offline");
      clearTimeout(this._timer);
      if (!this.refused) this._timer = setTimeout(() => this.save(state), RETRY_AFTER);
    }
  }

  // The server's answer to what was sent, with what was written meanwhile on top.
  _adopt(page, sent) {
    const mine = this.lines;
    this._take(page);
    if (mine === sent) {
      this.lines = page.lines;
      forget(this.key).catch(() => null);
      this._say("saved");
      const before = new Map(sent.map((line) => [line.id, line]));
      const seen = (line) => line && [line.text, line.confidence, line.corrected_by, ...line.flags].join("\n");
      const differ = page.lines.filter((line) => seen(before.get(line.id)) !== seen(line)).map((line) => line.id);
      this.dispatchEvent(new CustomEvent("lines", { detail: differ }));
    } else {
      this.lines = merge(sent, mine, page.lines).lines;
      this._changed();
    }
    this.dispatchEvent(new CustomEvent("saved", { detail: page }));
  }

  // Take the newest revision and merge what is not saved into it.
  async fetch(about = {}) {
    if (this.waiting.length) return; // merged once that is decided
    const page = await get(this.path);
    if (page.revision === this.revision) return;
    this._join(this.base, this.lines, page, about);
  }

  _join(base, mine, page, about = {}) {
    const clean = mine === base;
    const { lines, conflicts } = clean ? { lines: page.lines, conflicts: [] } : merge(base, mine, page.lines);
    const known = lines.length === page.lines.length && lines.every((line, i) => line === page.lines[i]);
    this._take(page);
    this.lines = known ? this.base : lines;
    this.waiting.push(...conflicts);
    if (!clean) this._keep();
    this.dispatchEvent(new CustomEvent("lines", { detail: null }));
    this.dispatchEvent(new CustomEvent("merged", { detail: { page, user: about.user ?? page.user, time: about.time ?? page.time, clean } }));
    if (this.waiting.length) {
      // The draft still holds what this person wrote.
      this._conflicting(mine, base, page, about);
    } else if (!known) {
      this._changed();
    }
  }

  _conflicting(mine, base, page, about) {
    const { document, number } = page;
    keep({ key: this.key, user, document, page: number, tab, revision: null, base, lines: mine }).catch(() => null);
    clearTimeout(this._kept);
    this._kept = null;
    this._say("conflict");
    const detail = { conflicts: this.waiting, user: about.user ?? page.user, time: about.time ?? page.time };
    this.dispatchEvent(new CustomEvent("conflict", { detail }));
  }

  // The person's decision: {id: text}.
  decide(texts) {
    this.waiting = [];
    this._replace(
      Object.entries(texts).map(([id, text]) => {
        const line = this.get(id);
        return { ...line, text, words: align(text, line.words), corrected_by: user, flags: [] };
      }),
    );
    this._schedule(0);
  }

  // What a reload, a crash or a lost connection left in this browser.
  async recover() {
    const drafts = await left(user, this.page.document, this.page.number).catch(() => []);
    const page = this.page;
    for (const draft of drafts) {
      this._join(draft.base, draft.lines, { ...page, lines: this.lines });
      this.base = page.lines;
      if (!this.waiting.length) await this._keep();
      await forget(draft.key);
    }
    return drafts.length;
  }

  async restore(revision) {
    await this.save();
    const headers = { "If-Match": `"${this.revision}"` };
    const page = await send("POST", `${this.path}/versions/${revision}/restore`, undefined, headers);
    this.done = [];
    this.undone = [];
    this._take(page);
    this.lines = page.lines;
    this.dispatchEvent(new CustomEvent("lines", { detail: null }));
    this.dispatchEvent(new CustomEvent("saved", { detail: page }));
  }

  // Leave the page: what is not saved is sent, or kept in the browser.
  async close() {
    removeEventListener("online", this._online);
    if (this.dirty) {
      await this._keep();
      await this.save();
    }
    clearTimeout(this._timer);
  }
}
