// The preview page, offline or served by `c2gm preview --serve`. All text of the map comes from strangers, so it is only ever set as
// textContent; links are made for https addresses alone.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const zooms = data.zooms.map((entry) => entry.zoom);
  const first = zooms[0];
  const last = zooms[zooms.length - 1];

  const map = L.map("map", {
    attributionControl: false,
    zoomControl: false,
    minZoom: first,
    maxZoom: last,
    fadeAnimation: false, // the pictures are here already
  });

  // A layer that shows exactly the pictures it has, zoom by zoom; nothing is enlarged or shrunk,
  // except imagery beyond its finest zoom in this page.
  const PictureLayer = L.GridLayer.extend({
    initialize: function (pictures, options) {
      this.pictures = pictures;
      L.setOptions(this, options);
    },
    createTile: function (place) {
      const source = this.sourceOf(place);
      const tile = document.createElement(source ? "img" : "div");
      if (source) {
        tile.alt = "";
        tile.onerror = () => this.fire("failed");
        tile.src = source;
      }
      return tile;
    },
    sourceOf: function (place) {
      const address = `${place.z}/${place.x}/${place.y}`;
      if (this.pictures.address) return `${this.pictures.address}/${address}`;
      const picture = this.pictures.tiles[address];
      return picture && `data:${this.pictures.type};base64,${picture}`;
    },
  });

  const imagery = data.imagery && new PictureLayer(data.imagery, {
    minZoom: first,
    maxZoom: last,
    maxNativeZoom: data.imagery.finest,
    className: "imagery",
    zIndex: 1,
  });
  const drawn = new PictureLayer(data.map, {
    minZoom: first, maxZoom: last, className: "drawn", zIndex: 2,
  });

  const bounds = L.latLngBounds(data.bounds);
  map.setMaxBounds(bounds.pad(2));
  map.fitBounds(bounds, { animate: false });
  if (imagery) imagery.addTo(map);
  drawn.addTo(map);
  L.control.zoom({ position: "bottomright" }).addTo(map);
  L.control.scale({ position: "bottomleft", imperial: false, maxWidth: 140 }).addTo(map);

  // Text

  element("title").textContent = data.title;
  element("notice").textContent = data.notice;
  const tiles = data.zooms.reduce((sum, entry) => sum + entry.tiles, 0);
  const span = first === last ? `Zoom ${first}` : `Zooms ${first} to ${last}`;
  element("facts").textContent = `${span} · ${tiles.toLocaleString("en")} tiles`;

  const list = (id, entries, write) => {
    for (const entry of entries) {
      const item = document.createElement("li");
      write(item, entry);
      element(id).append(item);
    }
  };

  list("notes", data.notes, (item, note) => { item.textContent = note; });
  element("notes").hidden = data.notes.length === 0;
  // A served page whose pictures do not come says so, once.
  drawn.once("failed", () => {
    const item = document.createElement("li");
    item.textContent =
      "A picture did not come: c2gm preview has ended, or the map is damaged (c2gm verify tells).";
    element("notes").append(item);
    element("notes").hidden = false;
  });

  list("classes", data.legend, (item, entry) => {
    const swatch = document.createElement("i");
    swatch.style.background = entry.colour;
    item.append(swatch, entry.name);
  });
  element("legend").hidden = data.legend.length === 0;
  const isNarrow = window.innerWidth <= 640;
  if (isNarrow) element("legend").open = false;

  for (const part of data.credits) {
    const isLink = typeof part.link === "string" && part.link.startsWith("https://");
    const node = document.createElement(isLink ? "a" : "span");
    node.textContent = part.text;
    if (isLink) {
      node.href = part.link;
      node.rel = "noopener noreferrer";
      node.target = "_blank";
    }
    element("credits").append(node);
  }

  // Zooms

  for (const entry of data.zooms) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = String(entry.zoom);
    button.title = `Show zoom ${entry.zoom}`;
    button.addEventListener("click", () => map.setZoom(entry.zoom));
    element("zooms").append(button);
  }

  const showZoom = () => {
    const zoom = map.getZoom();
    const entry = data.zooms.find((candidate) => candidate.zoom === zoom);
    for (const button of element("zooms").children) {
      button.setAttribute("aria-current", String(button.textContent === String(zoom)));
    }
    element("empty").hidden = Boolean(entry);
    element("empty").textContent = entry ? "" : `This page holds no map of zoom ${zoom}.`;
    if (!entry) {
      element("zoom-facts").textContent = `Zoom ${zoom}`;
      return;
    }
    const scale = entry.denominator ? `1:${entry.denominator.toLocaleString("en")} · ` : "";
    element("zoom-facts").textContent = `${scale}${entry.resolution} m per pixel`;
  };
  map.on("zoomend", showZoom);
  showZoom();

  // Position

  const showPosition = (place) => {
    const { lat, lng } = place.wrap();
    const point = map.project(place, map.getZoom()).divideBy(256).floor();
    const side = 2 ** map.getZoom();
    const column = ((point.x % side) + side) % side;
    const north = `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? "S" : "N"}`;
    const east = `${Math.abs(lng).toFixed(5)}° ${lng < 0 ? "W" : "E"}`;
    element("position").textContent =
      `${north}  ${east}  ·  tile ${map.getZoom()}/${column}/${point.y}`;
  };
  map.on("mousemove", (event) => showPosition(event.latlng));
  map.on("moveend", () => showPosition(map.getCenter()));
  showPosition(map.getCenter());

  // Map against imagery

  if (imagery) {
    const divider = element("divider");
    let mode = "opacity";
    let share = 0.5; // of the width that shows the map

    const clip = () => {
      const container = drawn.getContainer();
      if (mode !== "swipe") {
        container.style.clip = "";
        return;
      }
      const size = map.getSize();
      const corner = map.containerPointToLayerPoint([0, 0]);
      const border = map.containerPointToLayerPoint([size.x * share, size.y]);
      container.style.clip = `rect(${corner.y}px, ${border.x}px, ${border.y}px, ${corner.x}px)`;
      divider.style.left = `${size.x * share}px`;
      divider.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    };

    const setShare = (value) => {
      share = Math.min(1, Math.max(0, value));
      clip();
    };

    const showOpacity = () => {
      const opacity = mode === "swipe" ? 1 : element("opacity").value / 100;
      drawn.getContainer().style.opacity = String(opacity);
    };

    const setMode = (value) => {
      mode = value;
      element("opacity-row").hidden = mode !== "opacity";
      element("swipe-row").hidden = mode !== "swipe";
      divider.hidden = mode !== "swipe";
      showOpacity();
      clip();
    };

    element("compare").hidden = false;
    element("opacity").addEventListener("input", showOpacity);
    for (const choice of document.querySelectorAll("input[name=mode]")) {
      choice.addEventListener("change", (event) => setMode(event.target.value));
    }
    divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
    divider.addEventListener("pointermove", (event) => {
      if (divider.hasPointerCapture(event.pointerId)) setShare(event.clientX / map.getSize().x);
    });
    divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (step) setShare(share + step);
    });
    map.on("move zoomend viewreset resize", clip);
    setMode("opacity");
  }

  if (isNarrow) {
    map.invalidateSize({ animate: false });
    map.fitBounds(bounds, {
      paddingTopLeft: [0, element("head").offsetHeight + 12], animate: false,
    });
  }
  document.documentElement.dataset.ready = "yes";
})();
