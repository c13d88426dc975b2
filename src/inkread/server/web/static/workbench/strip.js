// The enlarged picture of one line, turned upright, on a canvas.

import { angle, bounds, outline } from "./shapes.js";

const TALLEST = 120; // CSS pixels
const MARGIN = 0.25; // of the line's height, above and below

export class Strip {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "strip";
    this.canvas.setAttribute("aria-hidden", "true");
  }

  // `picture` may be smaller than the page; `box` is the word at the caret.
  draw(line, picture, page, box = null) {
    const width = this.canvas.parentElement?.clientWidth;
    if (!width || !picture?.naturalWidth || !line) return;
    const turn = line.baseline?.length > 1 ? angle(line.baseline) : 0;
    const [cos, sin] = [Math.cos(-turn), Math.sin(-turn)];
    const upright = ([x, y]) => [x * cos - y * sin, x * sin + y * cos];
    const { left, top, right, bottom } = bounds(outline(line).map(upright));
    const high = Math.max(bottom - top, 20);
    const [x, y] = [left - high * MARGIN, top - high * MARGIN];
    const [wide, tall] = [right - left + 2 * high * MARGIN, high * (1 + 2 * MARGIN)];
    const scale = Math.min(width / wide, TALLEST / tall);
    const dense = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * dense);
    this.canvas.height = Math.round(tall * scale * dense);
    this.canvas.style.height = `${Math.round(tall * scale)}px`;
    const context = this.canvas.getContext("2d");
    context.scale(dense * scale, dense * scale);
    context.translate(-x, -y);
    context.rotate(-turn);
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, page.width, page.height);
    if (box) {
      const place = bounds(Array.isArray(box[0]) ? box : [box.slice(0, 2), box.slice(2)]);
      context.fillStyle = "rgb(29 78 137 / 16%)";
      context.fillRect(place.left, place.top, place.right - place.left, place.bottom - place.top);
    }
  }
}
