// A Leaflet map on a node: it starts when it is seen, follows the node's size, and ends with it.
import { addElement, chain, make } from "./graph.js";
import { loadLeaflet, tileAddress } from "./service.js";

const SPEC_QUERY = ["file", "picture_bounds", "crs", "nodata"];

/** The query of an imagery's routes. */
export const specQuery = (spec) =>
  Object.fromEntries(SPEC_QUERY.map((name) => [name, spec[name] ?? ""]));

export class MapBox {
  /**
   * @param node Its node.
   * @param name Class of the box: c2gm-pick-area or c2gm-preview-map.
   * @param height Least height of the whole box in canvas units.
   * @param parts Elements above and below the map, and the step of its zoom.
   */
  constructor(node, name, height, { above = [], below = [], zoomSnap = 1 } = {}) {
    this.node = node;
    this.zoomSnap = zoomSnap;
    this.place = make("div", "c2gm-map");
    this.hint = make("div", "c2gm-hint");
    this.element = make("div", `c2gm-box ${name}`, ...above, this.place, ...below);
    this.place.append(this.hint);
    this.element.addEventListener("contextmenu", (event) => event.preventDefault());
    addElement(node, "c2gm_map", this.element, height);
    this.started = new Promise((resolve) => { this.start = resolve; });
    const size = new ResizeObserver(() => this.follow());
    size.observe(this.place);
    chain(node, "onRemoved", () => {
      size.disconnect();
      this.map?.remove();
      this.map = null;
    });
  }

  /** Start the map once its place has a size; later, take the place's new size. */
  async follow() {
    if (!this.place.isConnected || this.place.offsetWidth === 0) return;
    if (this.L) {
      this.map?.invalidateSize({ animate: false });
      this.refit();
      return;
    }
    this.L = await loadLeaflet();
    if (this.map) return;
    this.map = this.L.map(this.place, {
      attributionControl: false,
      zoomControl: false,
      fadeAnimation: false,
      worldCopyJump: false,
      zoomSnap: this.zoomSnap,
      center: [0, 0],
      zoom: 1,
    });
    this.L.control.zoom({ position: "bottomright" }).addTo(this.map);
    this.L.control.scale({ position: "bottomleft", imperial: false, maxWidth: 110 }).addTo(this.map);
    // The user's own view is kept when the node is resized.
    for (const event of ["pointerdown", "wheel"]) {
      this.place.addEventListener(event, () => { this.isTouched = true; }, { capture: true });
    }
    this.start(this.map);
  }

  /** Show bounds [west, south, east, north] whole. */
  fit(bounds, { maxZoom = 22, padding = [6, 6] } = {}) {
    this.shown = { bounds, maxZoom, padding };
    this.isTouched = false;
    this.refit();
  }

  refit() {
    if (!this.map || !this.shown || this.isTouched) return;
    this.map.fitBounds(corners(this.shown.bounds), {
      animate: false, maxZoom: this.shown.maxZoom, padding: this.shown.padding,
    });
  }

  /** Say something over the map, or nothing. */
  say(text) {
    this.hint.textContent = text;
    this.hint.hidden = !text;
  }

  /** Show an imagery (the server's IMAGERY) under everything else, or none. */
  showImagery(imagery) {
    this.imagery?.remove();
    this.imagery = null;
    if (!imagery || !this.map) return;
    this.imagery = this.L.tileLayer(tileAddress("imagery", specQuery(imagery.spec)), {
      bounds: corners(imagery.bounds),
      maxNativeZoom: imagery.native_zoom,
      maxZoom: 22,
      zIndex: 1,
      className: "c2gm-imagery",
    }).addTo(this.map);
  }
}

/** Leaflet's corners of bounds [west, south, east, north], east of the antimeridian as beyond 180. */
export const corners = ([west, south, east, north]) => [
  [south, west],
  [north, east < west ? east + 360 : east],
];
