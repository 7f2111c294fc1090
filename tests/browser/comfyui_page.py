"""ComfyUI's page in headless Chromium, driven as a person would drive it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from install_server import REPOSITORY
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

PACK = "c2gm"
TITLES = sorted(path.stem for path in (REPOSITORY / "workflows").glob("*.json"))
READY = (
    "() => window.app?.extensionManager && window.LiteGraph?.registered_node_types?.C2GMPickArea"
)
RUN_EVENTS = ("executed", "execution_success", "execution_error", "execution_interrupted")
# Keeps what the server told the page, and counts previews, for tests to look at.
LISTEN = """(kinds) => {
  window.seen = { events: [], previews: 0, growing: 0 };
  for (const kind of kinds) {
    app.api.addEventListener(kind, ({ detail }) => window.seen.events.push({ kind, detail }));
  }
  app.api.addEventListener("b_preview", () => { window.seen.previews += 1; });
  app.api.addEventListener("c2gm.growing", ({ detail }) => {
    window.seen.growing += detail.tiles.length;
  });
}"""
NODE_BOX = """([kind, margin]) => {
  const node = app.graph._nodes.find((one) => one.comfyClass === kind);
  const view = app.canvas.ds;
  const place = app.canvas.canvas.getBoundingClientRect();
  app.canvas.deselectAll();
  view.scale = 1;
  view.offset[0] = margin[0] - node.pos[0];
  view.offset[1] = margin[1] - node.pos[1];
  app.canvas.setDirty(true, true);
}"""


# Where the mask editor shows its picture: the largest canvas beside the graph's.
EDITOR_BOX = """() => {
  const shown = [...document.querySelectorAll("canvas")].filter((one) => one.id !== "graph-canvas");
  const boxes = shown.map((one) => one.getBoundingClientRect().toJSON());
  return boxes.sort((one, other) => other.width * other.height - one.width * one.height)[0];
}"""


class ComfyPage:
    """One tab.

    Attributes:
        page: Playwright's page.
        complaints: Errors and warnings of the console that come from our files or routes.
    """

    def __init__(
        self, browser: Browser, address: str, *, is_vue: bool, shots: Path, prefix: str = ""
    ) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1500, "height": 1000})
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self._shots, self._prefix = shots, prefix
        self.page.on("console", self._take_message)
        self.page.on("pageerror", self._take_error)
        self.page.goto(address)
        self.page.wait_for_function(READY, timeout=180_000)
        self._set("Comfy.TutorialCompleted", True)
        self._set("Comfy.VueNodes.Enabled", is_vue)
        self._set("Comfy.Workflow.Persist", False)
        self.page.evaluate(LISTEN, list(RUN_EVENTS))

    def _take_message(self, message: ConsoleMessage) -> None:
        place = message.location.get("url", "")
        # Thumbnails are only served by newer servers; all else below our names is ours.
        ours = (
            f"/{PACK}/" in place + message.text
            and "/workflow_templates/" not in place + message.text
        )
        if message.type in ("error", "warning") and ours:
            self.complaints.append(f"{message.type}: {message.text} ({place})")

    def _take_error(self, error: Any) -> None:
        if f"/extensions/{PACK}/" in (getattr(error, "stack", "") or ""):
            self.complaints.append(f"uncaught: {error}")

    def _set(self, name: str, value: object) -> None:
        self.page.evaluate(
            "([name, value]) => app.extensionManager.setting.set(name, value)", [name, value]
        )

    def hide_minimap(self) -> None:
        """Clear the corner of the window."""
        self._set("Comfy.Minimap.Visible", False)

    # Graphs -------------------------------------------------------------------------------------

    def open_template(self, title: str) -> None:
        """Open a workflow of the pack from the template browser."""
        page = self.page
        page.evaluate("() => app.extensionManager.command.execute('Comfy.BrowseTemplates')")
        dialog = page.get_by_role("dialog").last
        dialog.get_by_text(PACK, exact=True).first.click()
        dialog.get_by_text(title, exact=True).first.click()
        page.wait_for_function(
            "(kind) => app.graph._nodes.some((node) => node.comfyClass?.startsWith('C2GM'))"
        )
        page.wait_for_timeout(1000)

    def missing_nodes(self) -> list[str]:
        """Types of nodes that the page does not know."""
        missing: list[str] = self.page.evaluate(
            "() => app.graph._nodes.filter((node) => node.has_errors"
            " || !LiteGraph.registered_node_types[node.type]).map((node) => node.type)"
        )
        return missing

    def own_kinds(self) -> list[str]:
        """Classes of the pack's nodes in the graph."""
        kinds: list[str] = self.page.evaluate(
            "() => [...new Set(app.graph._nodes.map((node) => node.comfyClass))]"
            ".filter((kind) => kind?.startsWith('C2GM'))"
        )
        return kinds

    def widgets(self, kind: str) -> dict[str, Any]:
        """Values of a node's widgets that are saved, by name."""
        values: dict[str, Any] = self.page.evaluate(
            "(kind) => Object.fromEntries(app.graph._nodes.find((node) => node.comfyClass === kind)"
            ".widgets.filter((widget) => widget.serialize !== false"
            " && widget.options?.serialize !== false && widget.type !== 'button')"
            ".map((widget) => [widget.name, widget.value]))",
            kind,
        )
        return values

    def set_widget(self, kind: str, name: str, value: object) -> None:
        """Set a widget as typing would."""
        self.page.evaluate(
            "([kind, name, value]) => {"
            " const node = app.graph._nodes.find((one) => one.comfyClass === kind);"
            " const widget = node.widgets.find((one) => one.name === name);"
            " widget.value = value; widget.callback?.(value, app.canvas, node); }",
            [kind, name, value],
        )

    def press_button(self, kind: str, name: str) -> None:
        """Press a button that is a widget of a node."""
        self.page.evaluate(
            "([kind, name]) => app.graph._nodes.find((node) => node.comfyClass === kind)"
            ".widgets.find((widget) => widget.name === name).callback()",
            [kind, name],
        )

    def show(self, kind: str, margin: tuple[int, int] = (120, 190)) -> None:
        """Bring a node into the upper left corner at its own size."""
        self.page.evaluate(NODE_BOX, [kind, list(margin)])
        self.page.wait_for_timeout(600)

    def show_all(self) -> None:
        """Fit the whole graph into the window."""
        self.page.evaluate(
            "() => { app.canvas.deselectAll();"
            " app.extensionManager.command.execute('Comfy.Canvas.FitView'); }"
        )
        self.page.wait_for_timeout(1200)

    def paint(self, kind: str, points: list[tuple[float, float]]) -> None:
        """Draw a mask in the page's own editor, in shares of the picture's size, and save it."""
        self.press_button(kind, "Paint on the map")
        save = self.page.get_by_role("dialog").last.get_by_text("Save", exact=True)
        save.wait_for()
        self.page.wait_for_timeout(2500)  # it fits the picture into the window, slowly
        box = self.page.evaluate(EDITOR_BOX)
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=12)
        self.page.mouse.up()
        self.page.wait_for_timeout(500)
        self.shot("mask-editor")
        save.click()
        self.page.wait_for_function(
            "(kind) => app.graph._nodes.find((node) => node.comfyClass === kind)"
            ".widgets.find((widget) => widget.name === 'image').value",
            arg=kind,
        )

    # Runs ---------------------------------------------------------------------------------------

    def queue(self) -> None:
        """Queue the graph."""
        self.page.evaluate(
            "() => { Object.assign(window.seen, { events: [], previews: 0, growing: 0 });"
            " app.queuePrompt(0, 1); }"
        )

    def cancel(self) -> None:
        """Stop what runs, by the page's own command."""
        self.page.evaluate("() => app.extensionManager.command.execute('Comfy.Interrupt')")

    def wait_for_end(self, seconds: float = 600) -> str:
        """Wait until the run has ended; returns success, error or interrupted."""
        end = self.page.wait_for_function(
            "() => window.seen.events.find((event) => event.kind.startsWith('execution_'))",
            timeout=seconds * 1000,
        ).json_value()
        kind: str = end["kind"].removeprefix("execution_")
        return kind if kind != "error" else f"error: {end['detail'].get('exception_message')}"

    def wait_for_tiles(self, count: int) -> None:
        """Wait until the page was told of so many painted tiles, or the run has ended."""
        self.page.wait_for_function(
            "(count) => window.seen.growing >= count"
            " || window.seen.events.some((event) => event.kind.startsWith('execution_'))",
            arg=count,
            timeout=300_000,
        )
        self.page.wait_for_timeout(500)

    def seen(self, name: str) -> Any:
        """What the page was told since it opened."""
        return self.page.evaluate("(name) => window.seen[name]", name)

    # Looks --------------------------------------------------------------------------------------

    def map_of(self, name: str) -> Locator:
        """The map on a node: `c2gm-pick-area` or `c2gm-preview-map`."""
        return self.page.locator(f".{name} .c2gm-map")

    def drag(
        self,
        place: Locator,
        start: tuple[float, float],
        end: tuple[float, float],
        *,
        shift: bool = False,
    ) -> None:
        """Drag with the mouse between two places of an element, in shares of its size."""
        box = place.bounding_box()
        assert box is not None
        points = [
            (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)
        ]
        mouse = self.page.mouse
        if shift:
            self.page.keyboard.down("Shift")
        mouse.move(*points[0])
        mouse.down()
        mouse.move(*points[1], steps=8)
        mouse.up()
        if shift:
            self.page.keyboard.up("Shift")

    def shot(self, name: str) -> Path:
        """Save a picture of the window."""
        path = self._shots / f"{self._prefix}{name}.png"
        self.page.screenshot(path=path)
        return path

    def close(self) -> None:
        """Close the tab."""
        self.page.close()


def shots_folder(default: Path) -> Path:
    """Where pictures go: the folder that C2GM_SCREENSHOTS names, else a temporary one."""
    folder = Path(os.environ.get("C2GM_SCREENSHOTS") or default)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
