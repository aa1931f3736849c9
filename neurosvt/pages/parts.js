// What our pages share: elements, numbers, and the stage on which events and beliefs are drawn.
"use strict";
const $ = id => document.getElementById(id);
const ON = [255, 255, 255], OFF = [118, 140, 178], TRUTH = "#f0e442";
const BELIEF_RADIUS = 1 / 8;  // of the sensor's shorter side: PermanenceBench's limit

// ---- making elements; text is only ever set as text
const SPACE = document.querySelector("svg").namespaceURI;
const fill = (node, attributes, children) => {
  for (const [k, v] of Object.entries(attributes)) if (v != null) node.setAttribute(k, v);
  node.append(...children);
  return node;
};
const html = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SPACE, tag), attributes, children);
const percent = (x, digits = 0) => x == null ? "–" : `${(100 * x).toFixed(digits)} %`;
const short = x => x == null ? "–" : x >= 1e6 ? `${(x / 1e6).toFixed(1)} M`
  : x >= 1e4 ? `${(x / 1e3).toFixed(0)} k` : x >= 1e3 ? `${(x / 1e3).toFixed(1)} k`
  : Number.isInteger(x) || x >= 100 ? x.toFixed(0) : x.toFixed(1);
const count = n => n.toLocaleString("en");
const best = p => p.reduce((top, x, i) => x > p[top] ? i : top, 0);

// ---- the stage
const film = document.createElement("canvas");

/** A frame of events, what covers it and how dark it is; returns the canvas's width and height.
 *
 * `fired(polarity, i)` says whether pixel i of W x H fired, 0 OFF or 1 ON. */
function drawFrame(canvas, occluder, W, H, fired) {
  const width = canvas.clientWidth, height = width * H / W, pen = canvas.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const [nx, ny, light, ...ends] = occluder ?? [0, 0, 1];
  pen.fillStyle = "#1c222c";
  pen.fillRect(0, 0, width, height);
  for (let i = 0; i < ends.length; i += 2) {
    if (ends[i + 1] > ends[i]) drawBand(pen, nx, ny, ends[i], ends[i + 1], width, height);
  }
  if (light < 1) drawDarkness(pen, 1 - light, width, height);
  film.width = W;
  film.height = H;
  const picture = new ImageData(W, H);
  for (let i = 0; i < W * H; i++) {
    const off = fired(0, i), on = fired(1, i);
    if (on || off) picture.data.set([...(on ? ON : OFF), 255], 4 * i);
  }
  film.getContext("2d").putImageData(picture, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(film, 0, 0, width, height);
  return [width, height];
}

/** What of a polygon lies where `depth` is below 0 (Sutherland and Hodgman). */
function cut(polygon, depth) {
  const left = [];
  polygon.forEach((a, i) => {
    const b = polygon[(i + 1) % polygon.length], da = depth(a), db = depth(b);
    if (da < 0) left.push(a);
    if (da < 0 !== db < 0) {
      const s = da / (da - db);
      left.push([a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1])]);
    }
  });
  return left;
}

/** A curtain between two distances along its normal, in shares of the sensor. */
function drawBand(pen, nx, ny, from, to, width, height) {
  const along = ([x, y]) => nx * x + ny * y;
  const behind = cut([[0, 0], [1, 0], [1, 1], [0, 1]], p => along(p) - to);
  const covered = cut(behind, p => from - along(p));
  if (!covered.length) return;
  pen.save();
  pen.beginPath();
  covered.forEach(([x, y]) => pen.lineTo(x * width, y * height));
  pen.closePath();
  pen.fillStyle = "#3a4351";
  pen.fill();
  pen.clip();
  pen.beginPath();
  for (let x = -height; x < width; x += 14) { pen.moveTo(x, height); pen.lineTo(x + height, 0); }
  pen.strokeStyle = "#566173";
  pen.lineWidth = 2;
  pen.stroke();
  pen.restore();
}

function drawDarkness(pen, strength, width, height) {
  const far = Math.hypot(width, height) / 2;
  const shadow = pen.createRadialGradient(width / 2, height / 2, 0, width / 2, height / 2, far);
  shadow.addColorStop(0, `rgba(3, 4, 8, ${.6 * strength})`);
  shadow.addColorStop(1, `rgba(3, 4, 8, ${strength})`);
  pen.fillStyle = shadow;
  pen.fillRect(0, 0, width, height);
}

/** Where the object is, as far as a belief may be off; dashed while it is hidden. */
function drawTruth(pen, x, y, width, height, hidden) {
  pen.beginPath();
  pen.arc(x, y, BELIEF_RADIUS * Math.min(width, height), 0, 2 * Math.PI);
  pen.setLineDash(hidden ? [9, 7] : []);
  for (const [style, wide] of [["#000a", 5], [TRUTH, 2.5]]) {
    pen.strokeStyle = style;
    pen.lineWidth = wide;
    pen.stroke();
  }
  pen.setLineDash([]);
}
