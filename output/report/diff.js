"use strict";
// The filter of the page of differences.
const controls = document.getElementById("controls");
const input = controls.querySelector("input");
const status = controls.querySelector("[role=status]");
const changes = [...document.querySelectorAll(".change")].map((node) => [node, node.textContent.toLowerCase()]);
controls.hidden = changes.length < 2;
let timer;
input.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [node, text] of changes) {
      node.hidden = !words.every((word) => text.includes(word));
      if (!node.hidden) shown++;
    }
    for (const section of document.querySelectorAll("section")) section.hidden = !section.querySelector(".change:not([hidden])");
    status.textContent = `${shown} of ${changes.length} shown`;
  }, 120);
});
document.documentElement.dataset.ready = "yes";
