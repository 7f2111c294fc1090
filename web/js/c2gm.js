// The page's part of C2GM: maps, sentences and buttons on its own nodes, and on no others.
import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { chain } from "./graph.js";
import { addPickArea } from "./pick_area.js";
import { addPreviewMap } from "./preview_map.js";
import { addRecolour } from "./recolour.js";
import { addSeedButtons } from "./seeds.js";
import { colourSockets, keepSocketsColoured } from "./sockets.js";
import { addUpload } from "./upload.js";
import { Words, addSentence } from "./words.js";

// These show what they have to tell in their own way.
const SPEAKING = new Set(["C2GMScaleTextEncode", "C2GMPickArea", "C2GMPreviewMap"]);
const previews = new Set();

const parts = {
  C2GMLoadImagery: (node, words) => addUpload(node, words),
  C2GMScaleTextEncode: (node, words) => addSentence(node, words),
  C2GMWindows: (node) => addSeedButtons(node),
  C2GMCascadeSampler: (node) => addSeedButtons(node),
  C2GMPickArea: (node) => {
    const area = addPickArea(node);
    return ({ c2gm_area: [told] = [] }) => told && area.take(told);
  },
  C2GMPreviewMap: (node) => {
    const preview = addPreviewMap(node);
    previews.add(preview);
    chain(node, "onRemoved", () => previews.delete(preview));
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
    keepSocketsColoured();
    api.addEventListener("c2gm.growing", ({ detail }) => {
      for (const preview of previews) preview.grow(detail);
    });
  },
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("C2GM")) return;
    colourSockets();
    const words = new Words(node);
    const take = parts[node.comfyClass]?.(node, words);
    chain(node, "onExecuted", (told = {}) => {
      take?.(told);
      if (!SPEAKING.has(node.comfyClass)) words.say(told.text ?? []);
    });
  },
});
