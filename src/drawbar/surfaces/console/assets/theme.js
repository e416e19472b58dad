// Loaded before the page is painted, so that a chosen theme never flashes the other one.
"use strict";
(() => {
  try {
    const chosen = localStorage.getItem("drawbar.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage can be switched off; the system's theme holds then.
  }
})();
