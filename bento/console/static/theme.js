// Light or dark before the first paint: the system's choice unless the viewer made another.
(() => {
  const root = document.documentElement;
  const kept = localStorage.getItem("assay-theme");
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("assay-theme", root.dataset.theme);
  });
})();
