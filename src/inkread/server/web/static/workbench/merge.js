// Three-way merge of a page's lines, and word differences: pure functions.

const content = (line) => JSON.stringify([line.text, Boolean(line.corrected_by)]);
const shape = (line) => JSON.stringify([line.baseline, line.polygon]);
const index = (lines) => new Map(lines.map((line) => [line.id, line]));
const kind = (line) => JSON.stringify([line.kind, line.region ?? null, line.frame?.length ? line.frame : []]);
const placed = ({ kind, region, frame }) => ({ kind, region, frame });
export const same = (a, b) => content(a) === content(b) && shape(a) === shape(b) && kind(a) === kind(b);

// What became of `base` in `mine` and in `theirs`, together. A text that both changed is a conflict: the merged line
// has theirs until somebody chooses. A line that one deleted and the other changed stays.
export function merge(base, mine, theirs) {
  const [bases, mines, others] = [index(base), index(mine), index(theirs)];
  const conflicts = [];
  const lines = [];
  for (const id of order(base, mine, theirs)) {
    const [old, my, their] = [bases.get(id), mines.get(id), others.get(id)];
    if (my && their) lines.push(both(old, my, their, conflicts));
    else if (my && (!old || !same(my, old))) lines.push(my);
    else if (their && (!old || !same(their, old))) lines.push(their);
  }
  return { lines, conflicts };
}

function both(old, my, their, conflicts) {
  const changed = (read) => !old || read(my) !== read(old);
  const differ = (read) => changed(read) && read(my) !== read(their);
  let line = their;
  if (differ(content)) {
    if (old && content(their) === content(old)) line = { ...my, baseline: line.baseline, polygon: line.polygon, ...placed(line) };
    else if (my.text !== their.text) conflicts.push({ id: my.id, base: old, mine: my, theirs: their });
  }
  if (differ(shape)) line = { ...line, baseline: my.baseline, polygon: my.polygon };
  if (differ(kind)) line = { ...line, ...placed(my) };
  return line;
}

// Ids in the order of who changed it (theirs where both did); lines of only one side follow their neighbour there.
function order(base, mine, theirs) {
  const ids = (lines) => lines.map((line) => line.id);
  const [own, their] = [ids(mine), ids(theirs)];
  const common = (of, others) => of.filter((id) => others.includes(id)).join(" ");
  const theyMoved = common(their, ids(base)) !== common(ids(base), their);
  const [first, second] = theyMoved ? [their, own] : [own, their];
  return place(first, second);
}

// `first`, with what only `second` has put behind its neighbour there.
export function place(first, second) {
  const result = [...first];
  second.forEach((id, at) => {
    if (result.includes(id)) return;
    const before = at ? result.indexOf(second[at - 1]) : -1;
    result.splice(before + 1, 0, id);
  });
  return result;
}

// Words of two texts as [kind, word] with kind "same", "out" or "in": longest common subsequence.
export function difference(before, after) {
  return sequence(words(before), words(after));
}

export const words = (text) => text.split(/\s+/).filter(Boolean);

export function sequence(a, b) {
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const result = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) result.push(["same", a[i++], j++]);
    else if (j >= b.length || (i < a.length && length[i + 1][j] >= length[i][j + 1])) result.push(["out", a[i++]]);
    else result.push(["in", b[j], j++]);
  }
  return result;
}

// The words of a changed text: those that were there keep confidence and box, new ones are the person's.
export function align(text, old) {
  const [before, after] = [old.map((word) => word.text), words(text)];
  const kept = [];
  let i = 0;
  for (const [kind, , j] of sequence(before, after)) {
    if (kind === "same") kept[j] = old[i++];
    else if (kind === "out") i++;
    else kept[j] = { text: after[j], confidence: 1, box: null };
  }
  return kept;
}
