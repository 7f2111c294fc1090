// Short plain lines on a node: what it told after a run, and the sentence of Scale Text Encode.
import { addElement, isLinked, make, makeRoom, watch, widgetOf } from "./graph.js";
import { ask } from "./service.js";

const LINE = 18;
const MAX_HEIGHT = 120;
const SENTENCE = ["zoom", "cascade_factor", "resolution", "map_scale", "examples", "free_text"];

/** A read-only place for lines on a node, made when there is something to say. */
export class Words {
  constructor(node) {
    this.node = node;
  }

  say(lines) {
    const text = lines.filter(Boolean).join("\n");
    if (!text && !this.element) return;
    this.element ??= this.makePlace();
    this.element.firstChild.textContent = text;
    const height = Math.min(MAX_HEIGHT, Math.max(1, lines.length) * LINE + 14);
    if (height === this.height) return;
    this.height = height;
    this.element.style.minHeight = `${height}px`;
    makeRoom(this.node);
  }

  makePlace() {
    const element = make("div", "c2gm-words", make("span"));
    const height = () => this.height ?? LINE + 14;
    addElement(this.node, "c2gm_words", element, height(), { getMinHeight: height, getMaxHeight: height });
    return element;
  }
}

/** The sentence of Scale Text Encode, as its fields are edited, and each zoom's own values. */
export const addSentence = (node, words) => {
  let seen;
  let scales;
  words.say([" ", " ", " ", " "]);
  watch(node, words.element, async () => {
    scales ??= ask("scales").catch(() => ({}));
    const fields = Object.fromEntries(SENTENCE.map((name) => [name, widgetOf(node, name)?.value ?? ""]));
    const now = JSON.stringify(fields);
    if (now === seen || SENTENCE.some((name) => isLinked(node, name))) return;
    seen = now;
    const told = await ask("scale_text", fields).catch((error) => ({ problem: error.message }));
    if (now !== seen) return;
    words.element.classList.toggle("c2gm-problem", Boolean(told.problem));
    words.element.firstChild.textContent = told.problem ?? told.text;
    showOwnValues(node, (await scales)[fields.zoom] ?? {});
  });
};

/** An empty field shows what the zoom itself would say. */
const showOwnValues = (node, own) => {
  for (const name of ["resolution", "map_scale", "examples"]) {
    const widget = widgetOf(node, name);
    const text = own[name] ?? "of the zoom";
    if (!widget) continue;
    if (widget.options) widget.options.placeholder = text;
    if (widget.inputEl) widget.inputEl.placeholder = text;
  }
};
