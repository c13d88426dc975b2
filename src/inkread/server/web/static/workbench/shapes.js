// Geometry of lines in pixels of the page: pure functions.

export const moved = (points, dx, dy) => points.map(([x, y]) => [x + dx, y + dy]);

export function bounds(points) {
  const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

export const outline = (line) => (line.polygon?.length ? line.polygon : line.baseline);

export function angle(baseline) {
  const [first, last] = [baseline[0], baseline[baseline.length - 1]];
  return Math.atan2(last[1] - first[1], last[0] - first[0]);
}

export function length(baseline) {
  let sum = 0;
  for (let i = 1; i < baseline.length; i++) sum += distance(baseline[i - 1], baseline[i]);
  return sum;
}

export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

// The baseline in two, at a share of its length.
export function divided(baseline, share) {
  let left = share * length(baseline);
  for (let i = 1; i < baseline.length; i++) {
    const [a, b] = [baseline[i - 1], baseline[i]];
    const step = distance(a, b);
    if (left <= step || i === baseline.length - 1) {
      const t = step ? Math.min(1, left / step) : 0;
      const cut = [Math.round(a[0] + t * (b[0] - a[0])), Math.round(a[1] + t * (b[1] - a[1]))];
      return { cut, before: [...baseline.slice(0, i), cut], after: [cut, ...baseline.slice(i)] };
    }
    left -= step;
  }
  return { cut: baseline[0], before: baseline, after: baseline };
}

// The part of a polygon on one side of the straight line through `cut` across a baseline of this angle
// (Sutherland and Hodgman 1974).
export function half(polygon, cut, turn, side) {
  const at = ([x, y]) => side * ((x - cut[0]) * Math.cos(turn) + (y - cut[1]) * Math.sin(turn));
  const result = [];
  polygon.forEach((point, i) => {
    const previous = polygon[(i + polygon.length - 1) % polygon.length];
    const [a, b] = [at(previous), at(point)];
    if (a >= 0 !== b >= 0) {
      const t = a / (a - b);
      result.push([Math.round(previous[0] + t * (point[0] - previous[0])), Math.round(previous[1] + t * (point[1] - previous[1]))]);
    }
    if (b >= 0) result.push(point);
  });
  return result;
}

// Convex hull (Andrew 1979): the outline of two lines joined.
export function hull(points) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const cross = (o, a, b) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
  const chain = (list) => {
    const result = [];
    for (const point of list) {
      while (result.length > 1 && cross(result.at(-2), result.at(-1), point) <= 0) result.pop();
      result.push(point);
    }
    return result.slice(0, -1);
  };
  return sorted.length < 3 ? sorted : [...chain(sorted), ...chain(sorted.reverse())];
}

export const joined = (a, b) => (b[0][0] >= a.at(-1)[0] ? [...a, ...b] : a);

// Where a new line belongs in reading order: behind the nearest line above it that shares its columns.
export function position(lines, baseline) {
  const [left, right] = [baseline[0][0], baseline.at(-1)[0]];
  const y = (points) => points.reduce((sum, point) => sum + point[1], 0) / points.length;
  let best = -1;
  lines.forEach((line, i) => {
    const [a, b] = [line.baseline[0][0], line.baseline.at(-1)[0]];
    if (a > right || b < left || y(line.baseline) > y(baseline)) return;
    if (best < 0 || y(line.baseline) >= y(lines[best].baseline)) best = i;
  });
  return best + 1;
}

// The ids of the lines whose middle lies in an outline.
export function within(lines, frame) {
  const box = bounds(frame);
  return lines
    .filter((line) => {
      if (!outline(line)?.length) return false;
      const { left, top, right, bottom } = bounds(outline(line));
      const [x, y] = [(left + right) / 2, (top + bottom) / 2];
      return box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
    })
    .map((line) => line.id);
}

export const rectangle = ([x, y], [other, below]) => {
  const { left, top, right, bottom } = bounds([[x, y], [other, below]]);
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
};

export const newId = () => {
  const values = crypto.getRandomValues(new Uint8Array(16));
  return `n${Array.from(values, (value) => (value % 36).toString(36)).join("")}`;
};
