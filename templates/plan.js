"use strict";
(function () {
  const form = document.getElementById("filters");
  const changes = Array.from(document.querySelectorAll("article.change"));
  const rows = Array.from(document.querySelectorAll(".graph .row"));
  const graphs = Array.from(document.querySelectorAll(".graph"));
  const told = document.getElementById("told");
  const words = (element, name) => (element.dataset[name] || "").split(" ");
  function filter() {
    const text = form.elements.text.value.toLowerCase();
    const verb = form.elements.verb.value;
    const danger = form.elements.danger.value;
    const hidden = new Set();
    for (const change of changes) {
      const fits = (!verb || change.dataset.verb === verb) &&
        (!danger || (danger === "any" ? change.dataset.danger !== "" : words(change, "danger").includes(danger))) &&
        (!text || change.textContent.toLowerCase().includes(text));
      change.hidden = !fits;
      if (!fits) hidden.add(change.dataset.of);
    }
    for (const row of rows) row.hidden = hidden.has(row.dataset.of);
    for (const graph of graphs) graph.hidden = !graph.querySelector(".row:not([hidden])");
    told.textContent = changes.length - hidden.size + " of " + changes.length + " shown";
  }
  if (form) {
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.elements.theme.addEventListener("change", (event) => {
      const theme = event.target.value;
      if (theme) document.documentElement.dataset.theme = theme;
      else delete document.documentElement.dataset.theme;
    });
    filter();
  }
  window.addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
})();
