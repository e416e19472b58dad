// Builds elements. Text always goes in as text: nothing in this page parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children. `on` is a map of listeners; null children are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (name === "dataset") {
      Object.assign(node.dataset, value);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

const PATHS = {
  succeeded: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z", "m8.2 12.3 2.6 2.6 5-5.4"],
  refused: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z", "M7.5 12h9"],
  failed: ["M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3L8.3 3Z", "m9.2 9.2 5.6 5.6m0-5.6-5.6 5.6"],
  indeterminate: ["M12 2.6 21.4 12 12 21.4 2.6 12 12 2.6Z", "M9.9 10.1a2.1 2.1 0 1 1 3 1.9c-.6.3-.9.7-.9 1.4", "M12 16.2v.1"],
  stopped: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z", "M9.3 9.3h5.4v5.4H9.3z"],
  waiting: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z", "M12 7.5V12l3 2"],
  running: ["M12 3a9 9 0 1 1-9 9"],
  read: ["M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z", "M12 14.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6Z"],
  write: ["m4 20 .9-4.2L16.2 4.5a2 2 0 0 1 2.8 0l.5.5a2 2 0 0 1 0 2.8L8.2 19.1 4 20Z", "m14.5 6.3 3.2 3.2"],
  destroy: ["M4.5 6.5h15", "M9 6.5V4h6v2.5", "m6.5 6.5.8 13.5h9.4l.8-13.5", "M10.3 10.5v5.5m3.4-5.5v5.5"],
  send: ["M12 19V5", "m5.5 11.5 6.5-6.5 6.5 6.5"],
  stop: ["M6.5 6.5h11v11h-11z"],
  plus: ["M12 5v14", "M5 12h14"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h10"],
  close: ["m6 6 12 12", "M18 6 6 18"],
  rename: ["m4 20 .9-4.2L16.2 4.5a2 2 0 0 1 2.8 0l.5.5a2 2 0 0 1 0 2.8L8.2 19.1 4 20Z"],
  remove: ["M4.5 6.5h15", "M9 6.5V4h6v2.5", "m6.5 6.5.8 13.5h9.4l.8-13.5"],
  functions: ["M5 21V10", "M5 6V3", "M12 21v-5", "M12 12V3", "M19 21v-9", "M19 8V3", "M3 10h4", "M10 12h4", "M17 8h4"],
  theme: ["M12 21a9 9 0 1 0 0-18v18Z", "M12 3a9 9 0 0 0 0 18"],
  down: ["M12 5v14", "m5.5 12.5 6.5 6.5 6.5-6.5"],
  chevron: ["m9 6 6 6-6 6"],
  alert: ["M12 3.5 22 20H2L12 3.5Z", "M12 10v4.5", "M12 17.2v.1"],
};

/** A line drawing that says nothing by itself; the words stand beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  for (const d of PATHS[name] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** Says something to screen readers without moving the focus. */
export function announce(text) {
  byId("announcer").textContent = text;
}
