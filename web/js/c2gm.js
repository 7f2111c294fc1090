// The page's part of C2GM: maps, sentences and buttons on its own nodes, and on no others.
import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { chain } from "./graph.js";
import { addPickArea } from "./pick_area.js";
import { addPreviewMap } from "./preview_map.js";
import { addRecolour } from "./recolour.js";
import { addRepaint } from "./repaint.js";
import { addSeedButtons } from "./seeds.js";
import { addStyle } from "./service.js";
import { colourSockets, keepSocketsColoured } from "./sockets.js";
import { addUpload } from "./upload.js";
import { Words, addSentence } from "./words.js";

// These show on their maps what they have to tell.
const SHOWING = new Set(["C2GMPickArea", "C2GMPreviewMap"]);
const areas = new Set();
const previews = new Set();

/** Keep a part in a set for as long as its node is in the graph. */
const keep = (set, part, node) => {
  set.add(part);
  chain(node, "onRemoved", () => set.delete(part));
};

const parts = {
  C2GMLoadImagery: (node, words) => addUpload(node, words),
  C2GMScaleTextEncode: (node, words) => addSentence(node, words),
  C2GMWindows: (node) => addSeedButtons(node),
  C2GMCascadeSampler: (node) => addSeedButtons(node),
  C2GMRepaint: (node, words) => addRepaint(node, words),
  C2GMPickArea: (node) => {
    const area = addPickArea(node);
    keep(areas, area, node);
    return ({ c2gm_area: [told] = [] }) => told && area.take(told);
  },
  C2GMPreviewMap: (node) => {
    const preview = addPreviewMap(node);
    keep(previews, preview, node);
    return ({ c2gm_map: [told] = [] }) => told && preview.show(told);
  },
  C2GMRecolourMap: (node) => {
    const recolour = addRecolour(node);
    return ({ c2gm_recolour: [told] = [] }) => told && recolour.take(told);
  },
};

app.registerExtension({
  name: "C2GM",
  setup() {
    addStyle(new URL("../css/c2gm.css", import.meta.url).href);
    keepSocketsColoured();
    api.addEventListener("c2gm.growing", ({ detail }) => {
      for (const preview of previews) preview.grow(detail);
    });
    api.addEventListener("execution_success", () => {
      for (const area of areas) area.planAgain();
    });
  },
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("C2GM")) return;
    colourSockets();
    const words = new Words(node);
    const take = parts[node.comfyClass]?.(node, words);
    if (!SHOWING.has(node.comfyClass)) words.place();
    chain(node, "onExecuted", (told = {}) => {
      take?.(told);
      if (node.comfyClass !== "C2GMScaleTextEncode") words.say(told.text ?? []);
    });
  },
});
