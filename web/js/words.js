// Short plain lines on a node: what it told after a run, and the sentence of Scale Text Encode.
import { addElement, chain, isLinked, make, makeRoom, watch, widgetOf } from "./graph.js";
import { ask } from "./service.js";

const LINE = 18;
const PADDING = 8;
const MAX_LINES = 7;
const SENTENCE = ["zoom", "cascade_factor", "resolution", "map_scale", "examples", "free_text"];

/**
 * A read-only place for lines on a node. It is there from the beginning, without height: Vue nodes
 * of older front ends do not see widgets that come later.
 */
export class Words {
  constructor(node) {
    this.node = node;
    this.text = make("div");
    this.element = make("div", "c2gm-words", this.text);
    this.element.hidden = true;
  }

  /** Put the place below the widgets that the node has now. */
  place() {
    addElement(this.node, "c2gm_words", this.element, LINE + PADDING, { isFixed: true });
    const size = new ResizeObserver(() => this.fitLines());
    size.observe(this.text);
    chain(this.node, "onRemoved", () => size.disconnect());
  }

  /** Show lines; of none, nothing. */
  say(lines) {
    const text = lines.filter(Boolean).join("\n");
    if (this.text.textContent === text) return;
    this.text.textContent = text;
    this.element.hidden = !text;
  }

  /** As tall as the lines, which are broken anew when the node is resized. */
  fitLines() {
    const count = Math.round(this.text.offsetHeight / LINE);
    if (count < 1) return; // not in sight
    this.element.style.minHeight = `${Math.min(MAX_LINES, count) * LINE + PADDING}px`;
    makeRoom(this.node);
    this.node.setDirtyCanvas(true, true);
  }
}

/** The sentence of Scale Text Encode, as its fields are edited, and each zoom's own values. */
export const addSentence = (node, words) => {
  let seen;
  let scales;
  words.say(["…"]);
  watch(node, words.element, async () => {
    scales ??= ask("scales").catch(() => ({}));
    const fields = Object.fromEntries(SENTENCE.map((name) => [name, widgetOf(node, name)?.value ?? ""]));
    const now = JSON.stringify(fields);
    if (now === seen || hasLinks(node)) return;
    seen = now;
    const told = await ask("scale_text", fields).catch((error) => ({ problem: error.message }));
    if (now !== seen) return;
    words.element.classList.toggle("c2gm-problem", Boolean(told.problem));
    words.say([told.problem ?? told.text]);
    showOwnValues(node, (await scales)[fields.zoom] ?? {});
  });
  return ({ text = [] }) => hasLinks(node) && words.say(text);
};

/** Whether a field comes from another node: then only a run tells the sentence. */
const hasLinks = (node) => SENTENCE.some((name) => isLinked(node, name));

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
