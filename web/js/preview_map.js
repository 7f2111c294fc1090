// Preview Map: the result as a slippy map, zoom by zoom, against the imagery it was drawn from.
import { button, imagerySpec, isLinked, make, sourceOf, watch } from "./graph.js";
import { say } from "./language.js";
import { MapBox, corners, specQuery } from "./map_box.js";
import { address, ask } from "./service.js";

const HEIGHT = 380;
const PAINTERS = ["C2GMCascadeSampler", "C2GMRepaint"];

export const addPreviewMap = (node) => new PreviewMap(node);

class PreviewMap {
  constructor(node) {
    this.node = node;
    this.share = 0.5; // of the width that shows the map, where it is swiped
    this.zooms = make("div", "c2gm-zooms");
    this.scale = make("div", "c2gm-sum");
    this.legend = make("div", "c2gm-legend");
    this.legend.hidden = true;
    this.credit = make("div", "c2gm-credit");
    this.divider = make("div", "c2gm-divider", make("span"));
    this.divider.hidden = true;
    this.box = new MapBox(node, "c2gm-preview-map", HEIGHT, {
      above: [this.zooms, this.makeBar()],
      below: [this.scale, this.credit],
    });
    this.box.place.append(this.divider, this.legend);
    this.makeDivider();
    this.box.say(say("Queue the graph: the map appears here."));
    this.box.started.then((map) => {
      map.on("zoomend", () => this.showZoom());
      map.on("move zoomend viewreset resize", () => this.clip());
      this.draw();
    });
    watch(node, this.box.element, () => this.look());
  }

  makeBar() {
    this.opacity = make("input", "c2gm-slider");
    Object.assign(this.opacity, { type: "range", min: 0, max: 100, value: 100 });
    this.opacity.title = say("How much of the map is seen over the imagery.");
    this.opacity.addEventListener("input", () => this.showOpacity());
    this.swipe = button(say("Swipe"), say("Left of the line the map, right of it the imagery."),
      () => this.setSwipe(!this.isSwiping));
    this.whole = button(say("Whole"), say("Show the whole map."), () => this.fit());
    this.key = button(say("Legend"), say("The colours of the map."), () => {
      this.legend.hidden = !this.legend.hidden;
      this.key.classList.toggle("c2gm-on", !this.legend.hidden);
    });
    this.key.hidden = true;
    const label = make("label", "c2gm-label", say("Map"), this.opacity);
    this.compare = [label, this.swipe];
    this.showCompare();
    return make("div", "c2gm-bar", label, this.swipe, this.whole, this.key);
  }

  /** Slider and swipe are there while there is imagery to compare with. */
  showCompare() {
    const hasImagery = Boolean(this.box?.imagery);
    for (const part of this.compare) part.hidden = !hasImagery;
    if (hasImagery) return;
    this.opacity.value = 100;
    this.showOpacity();
    if (this.isSwiping) this.setSwipe(false);
  }

  showImagery(imagery) {
    this.box.showImagery(imagery);
    this.showCompare();
  }

  // What is shown: {zooms, bounds, tiles: "z/x/y" -> address, counts, ...}

  /** A finished map, as the server tells it. */
  show(told) {
    const isSame = this.map?.bounds && String(this.map.bounds) === String(told.bounds);
    this.map = {
      ...told,
      address: (place) => address(`tiles/${place}`, { tileset: told.tileset, v: told.version }),
    };
    this.painted = null;
    this.box.say("");
    this.draw({ keepView: isSame });
  }

  /** New tiles of a map that is being painted by the node before this one. */
  grow(told) {
    const source = sourceOf(this.node, "tileset");
    const number = String(told.node).split(":").at(-1); // a node of a subgraph has a path
    if (!PAINTERS.includes(source?.comfyClass) || String(source.id) !== number) return;
    const isNew = this.painted?.run !== told.run;
    if (isNew) {
      this.painted = { run: told.run, tiles: new Set(), counts: {} };
      this.map = {
        zooms: told.zooms,
        bounds: told.bounds,
        counts: this.painted.counts,
        legend: this.map?.legend ?? [],
        imagery: this.map?.imagery ?? null,
        notice: say("Painting …"),
        attribution: "",
        address: (place) => {
          if (this.painted.tiles.has(place)) return address(`growing/${told.run}/${place}`);
          return told.before ? address(`tiles/${place}`, { tileset: told.before, v: told.run }) : null;
        },
      };
      this.box.say("");
      this.draw({ keepView: Boolean(told.before && this.drawn) });
    }
    for (const [z, x, y] of told.tiles) {
      this.painted.tiles.add(`${z}/${x}/${y}`);
      this.painted.counts[z] = (this.painted.counts[z] ?? 0) + 1;
    }
    if (told.tiles.length) this.follow(told.tiles);
  }

  /** Show new tiles; bring them into view unless the user has moved the map. */
  follow(tiles) {
    const map = this.box.map;
    if (!map || !this.drawn) return;
    const [z, x, y] = tiles[tiles.length - 1];
    const middle = map.unproject(this.box.L.point(256 * (x + 0.5), 256 * (y + 0.5)), z);
    const isInSight = z === map.getZoom() && map.getBounds().contains(middle);
    if (!this.box.isTouched && !isInSight) map.setView(middle, z, { animate: false });
    this.drawn.refresh();
    this.showZoom();
  }

  // Drawing

  async draw({ keepView = false } = {}) {
    await this.box.started;
    const map = this.box.map;
    if (!map || !this.map) return;
    this.drawn?.remove();
    const Layer = pictureLayer(this.box.L);
    this.drawn = new Layer((place) => this.map.address(place), corners(this.map.bounds)).addTo(map);
    if (this.map.imagery) this.showImagery(this.map.imagery);
    this.makeZooms();
    this.makeLegend();
    this.credit.replaceChildren(
      make("b", "", this.map.notice ?? ""),
      ` ${plain(this.map.attribution)}`,
    );
    if (!keepView) this.fit();
    this.showOpacity();
    this.showZoom();
    this.clip();
  }

  fit() {
    const zooms = this.map?.zooms ?? [];
    if (!zooms.length || !this.box.map) return;
    this.box.fit(this.map.bounds, { maxZoom: Math.max(...zooms) });
    // A map has just its own zooms: the one nearest the view that shows all of it.
    const fitting = this.box.map.getZoom();
    const nearest = zooms.reduce((best, zoom) =>
      (Math.abs(zoom - fitting) < Math.abs(best - fitting) ? zoom : best));
    if (nearest !== fitting) this.box.map.setZoom(nearest, { animate: false });
  }

  makeZooms() {
    const chips = this.map.zooms.map((zoom) => {
      const chip = button(String(zoom), say("Show zoom {zoom}", { zoom }), () => {
        this.box.isTouched = true;
        this.box.map.setZoom(zoom);
      });
      chip.append(make("small"));
      chip.dataset.zoom = zoom;
      return chip;
    });
    this.zooms.replaceChildren(...chips);
  }

  makeLegend() {
    this.legend.replaceChildren(...(this.map.legend ?? []).map(([name, colour]) => {
      const swatch = make("i");
      swatch.style.background = colour;
      return make("div", "", swatch, name);
    }));
    this.key.hidden = !this.map.legend?.length;
  }

  showZoom() {
    const map = this.box.map;
    if (!map || !this.map) return;
    const zoom = map.getZoom();
    for (const chip of this.zooms.children) {
      chip.classList.toggle("c2gm-on", Number(chip.dataset.zoom) === zoom);
      const count = this.map.counts?.[chip.dataset.zoom];
      chip.lastChild.textContent = count ? count.toLocaleString("en") : "";
    }
    const scale = this.scales?.[zoom];
    if (!this.map.zooms.includes(zoom)) {
      this.scale.textContent = say("The map has no zoom {zoom}: choose one above.", { zoom });
      return;
    }
    this.scale.textContent = scale
      ? say("Zoom {zoom} · {scale} · {resolution} m per pixel at the equator", {
        zoom, scale: scale.map_scale, resolution: scale.resolution,
      })
      : say("Zoom {zoom}", { zoom });
  }

  // Map against imagery

  /** Follow which imagery is connected; the server's own word comes with the map. */
  async look() {
    const spec = imagerySpec(sourceOf(this.node, "imagery"));
    const isConnected = isLinked(this.node, "imagery");
    const seen = JSON.stringify([spec, isConnected]);
    if (seen === this.seenImagery) return;
    this.seenImagery = seen;
    this.scales ??= await ask("scales").catch(() => ({}));
    if (!isConnected) {
      if (this.map) this.map.imagery = null;
      this.showImagery(null);
    }
    if (!spec) return;
    const imagery = await ask("imagery", specQuery(spec)).catch(() => null);
    if (seen !== this.seenImagery || !imagery || imagery.problem) return;
    await this.box.started;
    this.showImagery(imagery);
    if (this.map) this.map.imagery ??= imagery;
    else this.box.fit(imagery.bounds, { maxZoom: 18 });
    this.showZoom();
  }

  showOpacity() {
    if (this.drawn) this.drawn.getContainer().style.opacity = String(this.opacity.value / 100);
  }

  setSwipe(isSwiping) {
    this.isSwiping = isSwiping;
    this.swipe.classList.toggle("c2gm-on", isSwiping);
    this.divider.hidden = !isSwiping;
    this.clip();
  }

  makeDivider() {
    this.divider.title = say("Drag: the map on the left, the imagery on the right.");
    this.divider.addEventListener("pointerdown", (event) => {
      event.stopPropagation(); // or the map would be moved
      this.divider.setPointerCapture(event.pointerId);
    });
    for (const event of ["mousedown", "touchstart", "dblclick"]) {
      this.divider.addEventListener(event, (happened) => happened.stopPropagation());
    }
    this.divider.addEventListener("pointermove", (event) => {
      if (!this.divider.hasPointerCapture(event.pointerId)) return;
      const place = this.box.place.getBoundingClientRect();
      this.share = Math.min(1, Math.max(0, (event.clientX - place.left) / place.width));
      this.clip();
    });
  }

  clip() {
    const map = this.box.map;
    const container = this.drawn?.getContainer?.();
    if (!map || !container) return;
    if (!this.isSwiping) {
      container.style.clip = "";
      return;
    }
    const size = map.getSize();
    const corner = map.containerPointToLayerPoint([0, 0]);
    const border = map.containerPointToLayerPoint([size.x * this.share, size.y]);
    container.style.clip = `rect(${corner.y}px, ${border.x}px, ${border.y}px, ${corner.x}px)`;
    this.divider.style.left = `${size.x * this.share}px`;
  }
}

/** A credit may be a stranger's HTML: its text alone is shown. */
const plain = (text) =>
  new DOMParser().parseFromString(text ?? "", "text/html").body.textContent.trim();

let layer;

/** A layer that shows the pictures that a map has, each at its own zoom, and takes new ones. */
const pictureLayer = (L) => {
  layer ??= L.GridLayer.extend({
    initialize: function (addressOf, bounds) {
      this.addressOf = addressOf;
      L.setOptions(this, {
        className: "c2gm-drawn", zIndex: 2, maxZoom: 22, bounds: L.latLngBounds(bounds),
      });
    },
    createTile: function (place, done) {
      const tile = make("img");
      tile.alt = "";
      tile.dataset.place = `${place.z}/${place.x}/${place.y}`;
      tile.addEventListener("load", () => tile.classList.add("c2gm-loaded"));
      this.fill(tile);
      setTimeout(() => done(null, tile), 0);
      return tile;
    },
    fill: function (tile) {
      const source = this.addressOf(tile.dataset.place);
      if (!source || tile.dataset.source === source) return;
      tile.dataset.source = source;
      tile.src = source;
    },
    refresh: function () {
      for (const { el } of Object.values(this._tiles ?? {})) this.fill(el);
    },
  });
  return layer;
};

