// For those who hear a page, or use it by keys: names for what ipywidgets leaves without one, and folds that keys open.
const NAMELESS = "[role=slider], select, audio, img:not([alt])";
const FOLDS = ".jupyter-widget-Collapse-header, .p-Collapse-header";   // of ipywidgets 8 and 7

// The words beside a part, or else those of the class by which the library knows it: nn-picture-after is a "picture after".
function words(part) {
  const box = part.closest(".jupyter-widgets"), own = [...box.classList].filter((one) => one.startsWith("nn-")).at(-1);
  return box.querySelector(".widget-label")?.textContent.trim() || box.title || own?.slice(3).replaceAll("-", " ") || "result";
}

function improve(root) {
  for (const part of root.querySelectorAll(NAMELESS)) {
    if (part.getAttribute("aria-label") || part.closest(".nn-touch")) continue;
    const handles = [...part.closest(".jupyter-widgets").querySelectorAll("[role=slider]")];   // a range has two
    part.setAttribute("aria-label", words(part) + (handles.length > 1 ? [", start", ", end"][handles.indexOf(part)] : ""));
  }
  for (const head of root.querySelectorAll(FOLDS)) {
    const open = String(head.parentNode.matches(".jupyter-widget-Collapse-open, .p-Collapse-open"));
    if (head.getAttribute("aria-expanded") !== open) head.setAttribute("aria-expanded", open);
    if (head.tabIndex === 0) continue;
    head.tabIndex = 0;
    head.setAttribute("role", "button");
    head.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      head.click();
    });
  }
}

export default {
  render({ el }) {
    const watch = new MutationObserver(() => improve(root));
    let root;
    (function start() {
      root = el.closest(".nn-converter");
      if (!root) return requestAnimationFrame(start);   // not yet on the page
      root.dataset.lmSuppressShortcuts = "true";        // its keys are not JupyterLab's
      watch.observe(root, { childList: true, subtree: true, attributeFilter: ["class"] });
      improve(root);
    })();
    return () => watch.disconnect();
  },
};
