// What the widgets ask the server: read-only routes of nodes/routes.py.
import { api } from "../../../scripts/api.js";

/** Address of a route with a query; values that are undefined stay out. */
export const address = (route, query = {}) => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given).toString();
  return api.apiURL(`/c2gm/${route}${text ? `?${text}` : ""}`);
};

/** Leaflet's template of tile addresses, with a query. */
export const tileAddress = (route, query = {}) =>
  address(`${route}/ZXY`, query).replace("ZXY", "{z}/{x}/{y}");

/** JSON of a route; throws an Error with the server's own sentence where it refuses. */
export const ask = async (route, query = {}) => {
  const answer = await fetch(address(route, query), { cache: "no-store" });
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(value.error ?? `The server answered ${answer.status}.`);
  return value;
};

let leaflet;

/** Leaflet with its style, loaded once, from this server. */
export const loadLeaflet = () => {
  leaflet ??= (async () => {
    addStyle(address("leaflet.css"));
    return (await import(address("leaflet.js"))).default;
  })();
  return leaflet;
};

/** Load a style. */
export const addStyle = (href) => {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = href;
  document.head.append(link);
};
