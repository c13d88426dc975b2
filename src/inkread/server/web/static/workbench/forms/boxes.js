// A sheet with boxes on top: those of fields, which can be picked, drawn, moved and resized.

import { svg } from "../dom.js";
import { Scan } from "../scan.js";

const SMALLEST = 6; // pixels of the page
const SMALL = 45; // pixels of height below which a name stands beside its box
const CORNERS = ["Upper left", "Upper right", "Lower right", "Lower left"];
const LABELS = { false: "Sheet: arrows move it, plus and minus zoom", true: "Sheet: arrows move the field, with Ctrl they resize it, Delete removes it; plus and minus zoom" };

// The pixels of a picture, once it is there.
export async function sizeOf(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

export const corners = ([x, y, width, height]) => [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];

export const shifted = ([x, y, width, height], dx, dy) => [Math.max(0, x + dx), Math.max(0, y + dy), width, height];

// The box between two points.
export function between([a, b], [c, d]) {
  return [Math.max(0, Math.min(a, c)), Math.max(0, Math.min(b, d)), Math.max(SMALLEST, Math.abs(c - a)), Math.max(SMALLEST, Math.abs(d - b))];
}

function resized(box, corner, dx, dy) {
  const points = corners(box);
  const [x, y] = points[corner];
  return between([x + dx, y + dy], points[(corner + 2) % 4]);
}

// Shapes are {id, box, grade, name, movable, resizable, ruling}; `ruling` has lines that divide it, as [x1, y1, x2, y2].
// `on` has pick(id), place(id, box), add(box), remove(id), picture().
export class BoxScan extends Scan {
  show(shapes, current) {
    this.lines = shapes.map((shape) => ({ ...shape, polygon: corners(shape.box), baseline: [] }));
    super.show(this.lines, current, (shape) => shape.grade);
    for (const { name, box: [x, y, width, height], ruling = [] } of shapes) {
      this.layer.append(...ruling.map(([x1, y1, x2, y2]) => svg("line", { class: "ruling", x1, y1, x2, y2 })));
      if (name) this.layer.append(svg("text", { class: "name", x: height < SMALL ? x + width : x, y }, name));
    }
    if (this.editing) this._handles(); // on top
  }

  edit(on) {
    super.edit(on);
    this.element.setAttribute("aria-label", LABELS[on]);
  }

  get chosen() {
    return this.lines?.find((shape) => shape.id === this.current);
  }

  _handles(shape = this.chosen) {
    const focused = document.activeElement?.dataset?.point;
    for (const item of this.layer.querySelectorAll(".handle")) item.remove();
    if (!shape?.resizable) return;
    this.layer.append(
      ...corners(shape.box).map(([x, y], at) =>
        svg("circle", { class: `handle corner-${at}`, cx: x, cy: y, tabindex: 0, role: "button", "aria-label": `${CORNERS[at]} corner: arrows move it`, "data-point": at }),
      ),
    );
    if (focused !== undefined) this.layer.querySelector(`[data-point="${focused}"]`)?.focus({ preventScroll: true });
  }

  _take(event, point) {
    if (this.chosen?.movable) super._take(event, point);
    else this.drag = { kind: "pan" };
  }

  _shape([x, y]) {
    const { line, point, from } = this.drag;
    const [dx, dy] = [x - from[0], y - from[1]];
    const box = point === null ? shifted(line.box, dx, dy) : resized(line.box, point, dx, dy);
    this.drag.box = box;
    this.layer.querySelector(`polygon[data-id="${line.id}"]`)?.setAttribute("points", corners(box).join(" "));
    this._handles({ ...line, box });
  }

  _placed({ line, box }) {
    if (box) this.on.place(line.id, box);
  }

  _draw(event) {
    if (this.drawing.points.length) this._finish(this.onPage(event)); // the second of two clicks
    else this.drawing.points.push(this.onPage(event));
  }

  _preview(points) {
    this.layer.querySelector(".drawn")?.remove();
    if (points.length < 2) return;
    this.layer.append(svg("polygon", { class: "here drawn", points: corners(between(points[0], points.at(-1))).join(" ") }));
  }

  _finish(last = null) {
    const [first] = this.drawing.points;
    this.draw(false);
    if (first && last) this.on.add(between(first, last));
  }

  _double(event) {
    if (!this.editing) this.zoom(2, this._at(event));
  }

  // Where a field that is added without a pointer is put: in the middle of what is seen.
  middle(width, height) {
    const { left, top } = this.element.getBoundingClientRect();
    const [x, y] = this.onPage({ clientX: left + this.element.clientWidth / 2, clientY: top + this.element.clientHeight / 2 });
    return [Math.max(0, x - width / 2), Math.max(0, y - height / 2), width, height];
  }

  _key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const shape = this.editing && this.chosen;
    if (event.altKey || event.metaKey || !shape?.movable || !(steps[event.key] || event.key === "Delete")) return super._key(event);
    event.preventDefault();
    if (event.key === "Delete") return this.on.remove(shape.id);
    const [dx, dy] = steps[event.key].map((step) => step * (event.shiftKey ? 10 : 2));
    const point = event.target.dataset.point ?? (event.ctrlKey && shape.resizable ? 2 : null);
    this.on.place(shape.id, point === null ? shifted(shape.box, dx, dy) : resized(shape.box, Number(point), dx, dy));
  }
}
