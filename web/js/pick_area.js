// Pick Area: a map over the imagery; what is drawn on it goes into the node's number widgets.
import { button, imagerySpec, make, setWidgets, sourceOf, watch, widgetOf } from "./graph.js";
import { say } from "./language.js";
import { MapBox, corners, specQuery } from "./map_box.js";
import { ask } from "./service.js";

const HEIGHT = 380;
const CONNECT = "Connect Load Imagery to see the ground.";
const BESIDE_CONTROLS = [38, 28]; // of the map: the corners' handles must be within reach
const EDGES = ["west", "south", "east", "north"];
const ZOOMS = [12, 13, 14, 15, 16, 17, 18, 19, 20];
const CORNERS = [["west", "south"], ["east", "south"], ["east", "north"], ["west", "north"]];

export const addPickArea = (node) => new PickArea(node);

class PickArea {
  constructor(node) {
    this.node = node;
    this.imagery = null;
    this.drawing = button(say("Draw area"), say("Then drag a box on the map. Shift and drag does it at any time."),
      () => this.setDrawing(!this.isDrawing));
    const whole = button(say("Whole imagery"), say("Four zeros: all that the imagery covers."),
      () => this.setBounds([0, 0, 0, 0]));
    const look = button(say("Look at it"), say("Bring the area into view."), () => this.lookAtArea());
    this.zooms = make("div", "c2gm-zooms");
    this.sum = make("div", "c2gm-sum");
    this.box = new MapBox(node, "c2gm-pick-area", HEIGHT, {
      above: [make("div", "c2gm-bar", this.drawing, whole, look)],
      below: [this.zooms, this.sum],
      zoomSnap: 0.25, // imagery can be shown at any
    });
    this.makeZooms();
    this.box.say(say(CONNECT));
    this.box.started.then((map) => this.begin(map));
    watch(node, this.box.element, () => this.look());
  }

  begin(map) {
    const L = this.box.L;
    this.shape = L.rectangle([[0, 0], [0, 0]], {
      className: "c2gm-area", weight: 2, fillOpacity: 0.12, interactive: false,
    });
    this.handles = CORNERS.map(([side, end]) => this.makeHandle(side, end));
    map.on("mousedown", (event) => this.beginBox(event));
    map.boxZoom.disable();
    this.look();
  }

  makeHandle(side, end) {
    const L = this.box.L;
    const icon = L.divIcon({ className: "c2gm-handle", iconSize: [12, 12] });
    const handle = L.marker([0, 0], { icon, draggable: true, keyboard: false, autoPan: false });
    handle.on("drag", () => {
      const { lat, lng } = handle.getLatLng();
      const bounds = this.shownBounds();
      bounds[EDGES.indexOf(side)] = lng;
      bounds[EDGES.indexOf(end)] = lat;
      this.shape.setBounds(corners(bounds));
    });
    handle.on("dragend", () => {
      const box = this.shape.getBounds();
      this.setBounds([box.getWest(), box.getSouth(), box.getEast(), box.getNorth()]);
    });
    return handle;
  }

  // Drawing

  setDrawing(isDrawing) {
    this.isDrawing = isDrawing;
    this.drawing.classList.toggle("c2gm-on", isDrawing);
    this.box.place.classList.toggle("c2gm-drawing", isDrawing);
    this.box.map?.dragging[isDrawing ? "disable" : "enable"]();
  }

  beginBox(event) {
    if (!this.isDrawing && !event.originalEvent.shiftKey) return;
    const map = this.box.map;
    const first = event.latlng;
    map.dragging.disable();
    const grow = (moved) => {
      this.shape.setBounds(this.box.L.latLngBounds(first, moved.latlng)).addTo(map);
    };
    const end = (released) => {
      map.off("mousemove", grow);
      this.setDrawing(false);
      const box = this.box.L.latLngBounds(first, released.latlng);
      const from = map.latLngToContainerPoint(first);
      const far = from.distanceTo(map.latLngToContainerPoint(released.latlng));
      if (far < 4) this.showArea();
      else this.setBounds([box.getWest(), box.getSouth(), box.getEast(), box.getNorth()]);
    };
    map.on("mousemove", grow);
    map.once("mouseup", end);
  }

  setBounds(bounds) {
    const values = bounds.map((value, place) => onEarth(value, place % 2 === 0));
    setWidgets(this.node, Object.fromEntries(EDGES.map((edge, place) => [edge, values[place]])));
    this.look();
  }

  // What the widgets say

  value(name) {
    return Number(widgetOf(this.node, name)?.value ?? 0);
  }

  /** Bounds of the widgets; the imagery's for four zeros, null without either. */
  bounds() {
    const bounds = EDGES.map((edge) => this.value(edge));
    return bounds.some((value) => value !== 0) ? bounds : (this.imagery?.bounds.slice() ?? null);
  }

  shownBounds() {
    const box = this.shape.getBounds();
    return [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()];
  }

  /** Follow what was typed, linked or chosen since the last look. */
  look() {
    const source = sourceOf(this.node, "imagery");
    const spec = imagerySpec(source);
    const imagery = JSON.stringify(spec ?? (source ? source.id : null));
    if (imagery !== this.seenImagery) {
      this.seenImagery = imagery;
      this.loadImagery(source, spec);
    }
    const asked = JSON.stringify([
      EDGES.map((edge) => this.value(edge)), this.value("zoom_min"), this.value("zoom_max"), imagery,
    ]);
    if (asked !== this.seenArea && this.shape) {
      this.seenArea = asked;
      this.showArea();
      this.plan(spec);
    }
  }

  async loadImagery(source, spec) {
    if (!spec) {
      this.useImagery(source ? this.known : null);
      this.box.say(say(source ? "Queue once to see the imagery." : CONNECT));
      return;
    }
    try {
      const imagery = await ask("imagery", specQuery(spec));
      if (JSON.stringify(spec) !== this.seenImagery) return; // another was chosen meanwhile
      if (imagery.problem) throw new Error(imagery.problem);
      await this.box.started;
      this.useImagery(imagery);
      this.box.say("");
    } catch (error) {
      this.useImagery(null);
      this.box.say(error.message);
    }
  }

  useImagery(imagery) {
    this.imagery = imagery ?? null;
    this.box.showImagery(this.imagery);
    if (!this.shape) return;
    this.seenArea = null;
    this.lookAtArea();
  }

  /** The area as the server made it; tells the imagery too where it comes from elsewhere. */
  take(area) {
    this.known = area.imagery;
    if (!this.imagery && area.imagery) {
      this.useImagery(area.imagery);
      this.box.say("");
    }
    this.showPlan(area);
  }

  /** Ask for the plan again: after a run, the time that the next takes is known better. */
  planAgain() {
    this.seenArea = null;
  }

  lookAtArea() {
    const bounds = this.bounds();
    if (bounds) this.box.fit(bounds, { maxZoom: 20, padding: BESIDE_CONTROLS });
  }

  showArea() {
    const map = this.box.map;
    const bounds = this.bounds();
    if (!map || !bounds) {
      this.shape?.remove();
      for (const handle of this.handles ?? []) handle.remove();
      return;
    }
    this.shape.setBounds(corners(bounds)).addTo(map);
    const [[south, west], [north, east]] = corners(bounds);
    const edges = { west, south, east, north };
    CORNERS.forEach(([side, end], place) => {
      this.handles[place].setLatLng([edges[end], edges[side]]).addTo(map);
    });
  }

  // Zooms and numbers

  makeZooms() {
    this.chips = ZOOMS.map((zoom) => {
      const count = make("small", "", "");
      const chip = button(String(zoom), say("Zoom {zoom}", { zoom }), () => this.chooseZoom(zoom));
      chip.append(count);
      this.zooms.append(chip);
      return { zoom, chip, count };
    });
  }

  /** Widen the zooms to one outside them; narrow them to one inside, from the nearer end. */
  chooseZoom(zoom) {
    let [low, high] = [this.value("zoom_min"), this.value("zoom_max")];
    if (zoom < low) low = zoom;
    else if (zoom > high) high = zoom;
    else if (zoom === low && zoom < high) low = zoom + 1;
    else if (zoom === high && zoom > low) high = zoom - 1;
    else if (zoom - low < high - zoom) low = zoom;
    else high = zoom;
    setWidgets(this.node, { zoom_min: low, zoom_max: high });
    this.look();
  }

  async plan(spec) {
    const asked = this.seenArea;
    this.showChips([]);
    if (!this.bounds()) {
      this.sum.textContent = "";
      return;
    }
    const numbers = [...EDGES, "zoom_min", "zoom_max"].map((name) => [name, this.value(name)]);
    try {
      const query = { ...(spec ? specQuery(spec) : {}), ...Object.fromEntries(numbers) };
      const area = await ask("plan", query);
      if (asked === this.seenArea) this.showPlan(area);
    } catch (error) {
      if (asked === this.seenArea) this.showProblem(error.message);
    }
  }

  showPlan(area) {
    if (area.problem) {
      this.showProblem(area.problem);
      return;
    }
    this.showChips(area.counts);
    const time = area.seconds == null
      ? say("the time is known after the first run")
      : say("about {time}", { time: duration(area.seconds) });
    this.sum.classList.remove("c2gm-problem");
    this.sum.textContent = say("Tiles: {tiles} · windows to paint: {windows} · {time}", {
      tiles: area.tiles.toLocaleString("en"), windows: area.windows.toLocaleString("en"), time,
    });
  }

  showProblem(text) {
    this.showChips([]);
    this.sum.classList.add("c2gm-problem");
    this.sum.textContent = text;
  }

  showChips(counts) {
    const [low, high] = [this.value("zoom_min"), this.value("zoom_max")];
    for (const { zoom, chip, count } of this.chips) {
      const found = counts.find((entry) => entry.zoom === zoom);
      chip.classList.toggle("c2gm-on", zoom >= low && zoom <= high);
      count.textContent = found?.tiles ? found.tiles.toLocaleString("en") : "";
    }
  }
}

/** Degrees with five digits, a metre: longitudes wrapped to -180..180, latitudes kept within the map's. */
const onEarth = (value, isLongitude) => {
  const inside = isLongitude
    ? (Math.abs(value) <= 180 ? value : ((((value + 180) % 360) + 360) % 360) - 180)
    : Math.max(-85.05112, Math.min(85.05112, value));
  return Number(inside.toFixed(5));
};

const duration = (seconds) => {
  const whole = Math.max(1, Math.round(seconds));
  if (seconds < 90) return say("{number} s", { number: whole });
  if (seconds < 5400) return say("{number} min", { number: Math.round(seconds / 60) });
  return say("{number} h", { number: (seconds / 3600).toFixed(1) });
};
