// The scan with its lines on top: zoom, pan, turn; in line mode baselines can be dragged and drawn.

import { h, svg } from "./dom.js";
import { bounds, distance, moved, outline, rectangle } from "./shapes.js";

const SIZES = [1280, 2560]; // widths that are fetched before the whole picture
const CLOSEST = 8;
const PARTS = ".handle, .baseline, .order, .region"; // what line mode shows besides the lines

export class Scan {
  // `on` has pick(id), place(id, baseline, polygon|null), add(baseline), enclose(frame), reframe(id, frame), picture().
  constructor(on) {
    this.on = on;
    this.view = { x: 0, y: 0, scale: 1, turn: 0 };
    this.editing = false;
    this.drawing = null;
    this.picture = null;
    this.image = h("img", { alt: "", draggable: "false" });
    this.layer = svg("svg", { class: "layer" });
    this.world = h("div", { class: "world" }, this.image, this.layer);
    this.element = h("div", { class: "scan", tabindex: 0, role: "application", "aria-label": "Scan: arrows move it, plus and minus zoom, R turns" }, this.world);
    this.pointers = new Map();
    this._listen();
    this.resizing = new ResizeObserver(() => this.page && (this.fitted ? this.fit(this.fitted) : this._apply()));
    this.resizing.observe(this.element);
  }

  close() {
    this.resizing.disconnect();
    this.image.removeAttribute("src");
  }

  open(page, path) {
    this.page = page;
    this.path = path;
    this.drawing = null;
    this.loaded = 0;
    this.picture = null;
    this.layer.setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
    for (const element of [this.image, this.layer, this.world]) {
      element.style.width = `${page.width}px`;
      element.style.height = `${page.height}px`;
    }
    this.image.alt = `Scan of page ${page.number}`;
    this._load(SIZES[0]);
    this.fit(this.fitted ?? (matchMedia("(max-width: 50rem)").matches ? "width" : "page"));
  }

  // Fetch the picture at least `width` wide, and show it once it is there.
  _load(width) {
    const step = SIZES.find((size) => size >= width && size < this.page.width) ?? Infinity;
    if (step <= this.loaded) return;
    this.loaded = step;
    const url = `${this.path}/image${step === Infinity ? "" : `?width=${step}`}`;
    const picture = new Image();
    picture.src = url;
    picture
      .decode()
      .then(() => {
        if (this.loaded !== step || this.path !== url.split("/image")[0]) return;
        this.picture = picture;
        this.image.src = url;
        this.on.picture();
      })
      .catch(() => setTimeout(() => this.loaded === step && ((this.loaded = 0), this._load(width)), 3000));
  }

  show(lines, current, grades) {
    this.lines = lines;
    this.current = current;
    const shapes = lines.map((line) =>
      svg("polygon", {
        points: outline(line).map((point) => point.map(Math.round).join(",")).join(" "),
        class: `${grades(line)}${line.id === current ? " here" : ""}`,
        "data-id": line.id,
      }),
    );
    const focused = this._focused();
    this.layer.replaceChildren(...shapes);
    if (this.editing) this._handles(undefined, focused);
  }

  select(id, reveal = true) {
    this.current = id;
    for (const shape of this.layer.querySelectorAll("polygon")) shape.classList.toggle("here", shape.dataset.id === id);
    if (this.editing) this._handles();
    const line = this.lines?.find((other) => other.id === id);
    if (line && reveal) this.reveal(line);
  }

  // ---- view

  fit(how) {
    this.fitted = how;
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    if (!width || !this.page) return;
    const odd = this.view.turn % 180 !== 0;
    const [wide, tall] = odd ? [this.page.height, this.page.width] : [this.page.width, this.page.height];
    const scale = how === "width" ? (width - 8) / wide : Math.min((width - 8) / wide, (height - 8) / tall);
    this.view.scale = scale;
    this._centre(this.page.width / 2, how === "width" && tall * scale > height ? height / 2 / scale : this.page.height / 2);
  }

  // Put a point of the page into the middle.
  _centre(x, y) {
    const [dx, dy] = this._turned(x, y);
    this.view.x = this.element.clientWidth / 2 - this.view.scale * dx;
    this.view.y = this.element.clientHeight / 2 - this.view.scale * dy;
    this._apply();
  }

  _turned(x, y) {
    const turn = (this.view.turn * Math.PI) / 180;
    return [x * Math.cos(turn) - y * Math.sin(turn), x * Math.sin(turn) + y * Math.cos(turn)];
  }

  _at(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  onPage(event) {
    const [x, y] = this._at(event);
    const [dx, dy] = [(x - this.view.x) / this.view.scale, (y - this.view.y) / this.view.scale];
    const turn = (-this.view.turn * Math.PI) / 180;
    return [Math.round(dx * Math.cos(turn) - dy * Math.sin(turn)), Math.round(dx * Math.sin(turn) + dy * Math.cos(turn))];
  }

  zoom(factor, at = null) {
    const [x, y] = at ?? [this.element.clientWidth / 2, this.element.clientHeight / 2];
    const scale = Math.min(CLOSEST, Math.max(0.05, this.view.scale * factor));
    const by = scale / this.view.scale;
    this.view = { ...this.view, scale, x: x - by * (x - this.view.x), y: y - by * (y - this.view.y) };
    this.fitted = null;
    this._apply();
  }

  pan(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.fitted = null;
    this._apply();
  }

  turn() {
    this.view.turn = (this.view.turn + 90) % 360;
    this.fit("page");
  }

  reveal(line) {
    const { left, top, right, bottom } = bounds(outline(line));
    const corners = [this._turned(left, top), this._turned(right, bottom)].map(([x, y]) => [
      this.view.x + this.view.scale * x,
      this.view.y + this.view.scale * y,
    ]);
    const box = bounds(corners);
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    const [margin, rim] = [Math.min(60, height / 5), 8];
    let [dx, dy] = [0, 0];
    if (box.top < margin || box.bottom > height - margin) dy = height / 2 - (box.top + box.bottom) / 2;
    if (box.right - box.left > width - 2 * rim) dx = box.left > rim || box.left < -width / 2 ? rim - box.left : 0;
    else if (box.left < rim) dx = rim - box.left;
    else if (box.right > width - rim) dx = width - rim - box.right;
    dy = this._within(dy, height);
    if ((dx || dy) && this.fitted !== "page") {
      this.world.classList.add("gliding");
      this.view.x += dx;
      this.view.y += dy;
      this._apply();
    }
  }

  // No more than to the upper or lower edge of a page that is higher than the view.
  _within(dy, height) {
    const corners = [[0, 0], [this.page.width, this.page.height]].map(([x, y]) => this.view.y + this.view.scale * this._turned(x, y)[1]);
    const [top, bottom] = [Math.min(...corners), Math.max(...corners)];
    if (!dy || bottom - top < height) return dy;
    return Math.max(Math.min(dy, 4 - top), height - 4 - bottom);
  }

  _apply() {
    const { x, y, scale, turn } = this.view;
    this.world.style.transform = `translate(${x}px, ${y}px) scale(${scale}) rotate(${turn}deg)`;
    this.world.style.setProperty("--px", 1 / scale);
    this._load(Math.min(this.page.width, this.page.width * scale * (devicePixelRatio || 1)));
  }

  // ---- pointers

  _listen() {
    const element = this.element;
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.world.classList.remove("gliding");
      if (event.ctrlKey || event.metaKey || !event.shiftKey) this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), this._at(event));
      else this.pan(-event.deltaY - event.deltaX, 0);
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => this._down(event));
    element.addEventListener("pointermove", (event) => this._move(event));
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, (event) => this._up(event));
    element.addEventListener("dblclick", (event) => this._double(event));
    element.addEventListener("keydown", (event) => this._key(event));
  }

  _down(event) {
    if (event.button > 0 && event.button !== 1) return;
    this.world.classList.remove("gliding");
    this.pointers.set(event.pointerId, this._at(event));
    this.start = { at: this._at(event), target: event.target, moved: false };
    if (this.pointers.size > 1) this.drag = null;
    else if (this.drawing) this._draw(event);
    else if (this.editing && event.target.dataset.corner !== undefined) this.drag = { kind: "corner", corner: Number(event.target.dataset.corner), frame: this._frame() };
    else if (this.editing && event.target.dataset.point !== undefined) this._take(event, Number(event.target.dataset.point));
    else if (this.editing && event.target.dataset.id === this.current && this.current) this._take(event, null);
    else this.drag = { kind: "pan" };
    this.element.setPointerCapture(event.pointerId);
  }

  _take(event, point) {
    const line = this.lines.find((other) => other.id === this.current);
    this.drag = { kind: "shape", point, from: this.onPage(event), line };
  }

  _move(event) {
    const before = this.pointers.get(event.pointerId);
    if (this.drawing?.points.length) this._preview([...this.drawing.points, this.onPage(event)]);
    if (!before) return;
    const now = this._at(event);
    this.pointers.set(event.pointerId, now);
    if (distance(now, this.start.at) > 4) this.start.moved = true;
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      this.zoom(distance(now, other) / Math.max(1, distance(before, other)), other);
    } else if (this.drag?.kind === "pan" && this.start.moved) {
      this.pan(now[0] - before[0], now[1] - before[1]);
    } else if (this.drag?.kind === "corner" && this.start.moved) {
      this.drag.changed = rectangle(this.drag.frame[(this.drag.corner + 2) % 4], this.onPage(event));
      this._previewFrame(this.drag.changed);
    } else if (this.drag?.kind === "shape" && this.start.moved) {
      this._shape(this.onPage(event));
    }
  }

  _up(event) {
    this.pointers.delete(event.pointerId);
    const { drag, start } = this;
    this.drag = null;
    if (event.type === "pointercancel") return;
    if (this.drawing) {
      if (start?.moved) this._finish(this.onPage(event));
    } else if (drag?.kind === "corner") {
      if (drag.changed) this.on.reframe(this.current, drag.changed);
    } else if (drag?.kind === "shape" && start?.moved) {
      this._placed(drag);
    } else if (start && !start.moved && start.target.dataset.id) {
      this.on.pick(start.target.dataset.id);
    }
  }

  _shape([x, y]) {
    const { line, point, from } = this.drag;
    const [dx, dy] = [x - from[0], y - from[1]];
    if (point === null) {
      this.drag.baseline = moved(line.baseline, dx, dy);
      this.drag.polygon = moved(line.polygon ?? [], dx, dy);
    } else {
      this.drag.baseline = line.baseline.map((old, i) => (i === point ? [old[0] + dx, old[1] + dy] : old));
      this.drag.polygon = null;
    }
    this._handles({ ...line, baseline: this.drag.baseline });
    if (this.drag.polygon) {
      const shape = this.layer.querySelector(`polygon[data-id="${line.id}"]`);
      shape?.setAttribute("points", this.drag.polygon.map((item) => item.join(",")).join(" "));
    }
  }

  _placed({ line, baseline, polygon }) {
    this.on.place(line.id, baseline, polygon);
  }

  // ---- lines: move and draw

  edit(on) {
    this.editing = on;
    this.element.classList.toggle("editing", on);
    this.draw(false);
    for (const item of this.layer.querySelectorAll(PARTS)) item.remove();
    if (on) this._handles();
  }

  _handles(line = this.lines?.find((other) => other.id === this.current), { point: focused, corner } = this._focused()) {
    for (const item of this.layer.querySelectorAll(PARTS)) item.remove();
    const numbers = (this.lines ?? []).filter((other) => other.baseline?.length).map((other) => {
      const [x, y] = other.baseline[0];
      return svg("text", { class: "order", x: x - 6, y }, this.lines.indexOf(other) + 1);
    });
    this.layer.append(...numbers);
    const frame = this._frame(line);
    if (frame) this._previewFrame(frame);
    if (!line?.baseline?.length) return;
    this.layer.append(
      svg("polyline", { class: "baseline", points: line.baseline.map((point) => point.join(",")).join(" ") }),
      ...line.baseline.map(([x, y], i) =>
        svg("circle", { class: "handle", cx: x, cy: y, tabindex: 0, role: "button", "aria-label": `Baseline point ${i + 1}: arrows move it, Delete removes it`, "data-point": i }),
      ),
    );
    const label = (at) => `Corner ${at + 1} of the region: arrows move it`;
    const corners = (frame ?? []).map(([x, y], at) => svg("circle", { class: "handle corner", cx: x, cy: y, tabindex: 0, role: "button", "aria-label": label(at), "data-corner": at }));
    this.layer.append(...corners);
    if (focused !== undefined) this.layer.querySelector(`[data-point="${focused}"]`)?.focus({ preventScroll: true });
    if (corner !== undefined) this.layer.querySelector(`[data-corner="${corner}"]`)?.focus({ preventScroll: true });
  }

  // Which handle has the focus, which it keeps when the handles are drawn anew.
  _focused() {
    return this.layer.contains(document.activeElement) ? { ...document.activeElement.dataset } : {};
  }

  // The box around the region of a line; null where it has none.
  _frame(line = this.lines?.find((other) => other.id === this.current)) {
    const frame = line?.region && this.lines.find((other) => other.region === line.region && other.frame?.length)?.frame;
    if (!frame) return null;
    const { left, top, right, bottom } = bounds(frame);
    return rectangle([left, top], [right, bottom]);
  }

  _previewFrame(frame) {
    this.layer.querySelector(".region")?.remove();
    this.layer.append(svg("polygon", { class: "region", points: frame.map((point) => point.join(",")).join(" ") }));
  }

  // Draw a line, or with "region" the box of a region.
  draw(on) {
    this.drawing = on ? { points: [], box: on === "region" } : null;
    this.element.classList.toggle("drawing", on);
    this.layer.querySelector(".drawn")?.remove();
  }

  _draw(event) {
    const point = this.onPage(event);
    const last = this.drawing.points.at(-1);
    if (!last || distance(last, point) > 4) this.drawing.points.push(point);
    this._preview(this.drawing.points);
    if (this.drawing.box && this.drawing.points.length > 1) this._finish();
  }

  _preview(points) {
    this.layer.querySelector(".drawn")?.remove();
    if (this.drawing?.box) {
      const box = rectangle(points[0], points.at(-1));
      this.layer.append(svg("polygon", { class: "region drawn", points: box.map((point) => point.join(",")).join(" ") }));
      return;
    }
    this.layer.append(svg("polyline", { class: "baseline drawn", points: points.map((point) => point.join(",")).join(" ") }));
  }

  _finish(last = null) {
    const points = [...this.drawing.points];
    if (last && distance(points.at(-1), last) > 4) points.push(last);
    const { box } = this.drawing;
    this.draw(false);
    if (box && points.length > 1) this.on.enclose(rectangle(points[0], points.at(-1)));
    else if (points.length > 1) this.on.add(points[0][0] <= points.at(-1)[0] ? points : points.reverse());
  }

  _double(event) {
    if (this.drawing) {
      this._finish();
      return;
    }
    const line = this.lines?.find((other) => other.id === this.current);
    if (!this.editing || !line || this.start?.target.dataset.id !== line.id) {
      this.zoom(2, this._at(event));
      return;
    }
    const point = this.onPage(event);
    const at = line.baseline.findIndex(([x]) => x > point[0]);
    const baseline = [...line.baseline];
    baseline.splice(at < 0 ? baseline.length : at, 0, point);
    this.on.place(line.id, baseline, null);
  }

  // Move a whole line, by keys or buttons.
  nudge(dx, dy) {
    const line = this.lines?.find((other) => other.id === this.current);
    if (line) this.on.place(line.id, moved(line.baseline, dx, dy), moved(line.polygon ?? [], dx, dy));
  }

  _key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    const point = event.target.dataset.point;
    const line = this.lines?.find((other) => other.id === this.current);
    const { corner } = event.target.dataset;
    if (corner !== undefined && line && step) {
      const by = event.shiftKey ? 20 : 4;
      const frame = this._frame(line);
      const [x, y] = frame[corner];
      this.on.reframe(line.id, rectangle(frame[(Number(corner) + 2) % 4], [x + by * step[0], y + by * step[1]]));
    } else if (point !== undefined && line && (step || event.key === "Delete")) {
      const by = event.shiftKey ? 10 : 2;
      const baseline = step
        ? line.baseline.map((old, i) => (i === Number(point) ? [old[0] + by * step[0], old[1] + by * step[1]] : old))
        : line.baseline.filter((_, i) => i !== Number(point));
      if (baseline.length > 1) this.on.place(line.id, baseline, null);
    } else if (step) {
      this.pan(-60 * step[0], -60 * step[1]);
    } else if (event.key === "+" || event.key === "=") this.zoom(1.25);
    else if (event.key === "-") this.zoom(0.8);
    else if (event.key === "0") this.fit("page");
    else if (event.key === "r") this.turn();
    else if (event.key === "Enter" && this.drawing) this._finish();
    else if (event.key === "Escape" && this.drawing) this.draw(false);
    else return;
    event.preventDefault();
  }
}
