// Recolour Map: the palette is tried on the node at once, by the nearest class of every pixel.
import { api } from "../../../scripts/api.js";
import { addElement, make, watch, widgetOf } from "./graph.js";
import { say } from "./language.js";

const HEIGHT = 260;

export const addRecolour = (node) => new Recolour(node);

class Recolour {
  constructor(node) {
    this.node = node;
    this.canvas = make("canvas", "c2gm-canvas");
    this.hint = make("div", "c2gm-hint", say("Queue once: then palettes are tried here at once."));
    this.place = make("div", "c2gm-box c2gm-picture", this.canvas, this.hint);
    addElement(node, "c2gm_recolour", this.place, HEIGHT);
    watch(node, this.place, () => this.look());
  }

  /** The picture as it came, and the palettes. */
  async take(told) {
    this.told = told;
    const picture = new Image();
    picture.src = api.apiURL(`/view?${new URLSearchParams(told.source)}`);
    try {
      await picture.decode();
    } catch {
      this.hint.hidden = false; // the temporary file is gone: another run makes it anew
      return;
    }
    const { width, height } = Object.assign(this.canvas, { width: picture.width, height: picture.height });
    const context = this.canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    this.classes = classify(context.getImageData(0, 0, width, height).data, told.legend);
    this.seen = null;
    this.hint.hidden = true;
    this.look();
  }

  look() {
    if (!this.classes) return;
    const asked = JSON.stringify([this.value("palette"), this.value("colours")]);
    if (asked === this.seen) return;
    this.seen = asked;
    const own = parseColours(this.value("colours"));
    const palette = this.told.palettes[this.value("palette")] ?? {};
    const colours = this.told.legend.map(([name, colour]) => rgb(own[name] ?? palette[name] ?? colour));
    const context = this.canvas.getContext("2d");
    const picture = context.createImageData(this.canvas.width, this.canvas.height);
    this.classes.forEach((kind, place) => {
      picture.data.set(colours[kind], 4 * place);
      picture.data[4 * place + 3] = 255;
    });
    context.putImageData(picture, 0, 0);
  }

  value(name) {
    return widgetOf(this.node, name)?.value ?? "";
  }
}

/** Number of the nearest legend class of every pixel of RGBA data. */
const classify = (data, legend) => {
  const colours = legend.map(([, colour]) => rgb(colour));
  const known = new Map();
  const classes = new Uint8Array(data.length / 4);
  for (let place = 0; place < classes.length; place += 1) {
    const [red, green, blue] = data.subarray(4 * place, 4 * place + 3);
    const key = (red << 16) | (green << 8) | blue;
    if (!known.has(key)) {
      const far = colours.map(([r, g, b]) => (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2);
      known.set(key, far.indexOf(Math.min(...far)));
    }
    classes[place] = known.get(key);
  }
  return classes;
};

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/** `water = #1a2b3c`, one a line; lines that are not yet complete are left out. */
const parseColours = (text) => Object.fromEntries(
  text.split("\n")
    .map((line) => line.match(/^\s*(.+?)\s*=\s*(#[0-9a-fA-F]{6})\s*$/))
    .filter(Boolean)
    .map(([, name, colour]) => [name, colour]),
);
