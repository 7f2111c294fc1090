// Colours of the four socket types of C2GM.
import { app } from "../../../scripts/app.js";

const COLOURS = {
  C2GM_SGDM: "#e64a9b",
  C2GM_IMAGERY: "#8bc34a",
  C2GM_AREA: "#ff7043",
  C2GM_TILESET: "#26c6da",
};

/** The page sets its own colours when a theme is chosen, so this is done again then. */
export const keepSocketsColoured = () => {
  colourSockets();
  app.ui.settings.addEventListener("Comfy.ColorPalette.change", () => setTimeout(colourSockets, 500));
};

export const colourSockets = () => {
  for (const [type, colour] of Object.entries(COLOURS)) {
    LGraphCanvas.link_type_colors[type] = colour;
    app.canvas.default_connection_color_byType[type] = colour;
    document.documentElement.style.setProperty(`--color-datatype-${type}`, colour);
  }
};
