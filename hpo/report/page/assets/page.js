"use strict";
// Starts it all: charts as they are scrolled to, buttons, other colours, paper.

function say(text) {
  byId("said").textContent = text;
}

// Through the clipboard where the browser has it, else by a selection, as for a file on disk.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", undefined, { class: "hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function listenToButtons() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const before = button.textContent;
    button.addEventListener("click", async () => {
      await copyText(byId(button.dataset.copy).textContent);
      button.textContent = "Copied";
      say("Copied");
      setTimeout(() => {
        button.textContent = before;
      }, 1500);
    });
  }
  for (const button of document.querySelectorAll("[data-x]")) {
    button.addEventListener("click", () => {
      const group = button.parentElement;
      for (const other of group.querySelectorAll("[data-x]")) other.setAttribute("aria-pressed", String(other === button));
      chosenAxis[group.dataset.chart] = button.dataset.x;
      draw(group.dataset.chart);
    });
  }
}

function listenToScrolling() {
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      if (!charts.get(target.id).drawn) draw(target.id);
    }
  }, { rootMargin: "600px" });
  for (const { place } of charts.values()) if (place) seen.observe(place);
}

function drawAll() {
  for (const [id, one] of charts) if (one.place) draw(id);
}

function listenToTheScreen() {
  let waits;
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(waits);
    waits = setTimeout(drawAgain, 150);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAgain);
  const { dataset } = document.documentElement;
  window.addEventListener("beforeprint", () => {
    dataset.paper = "";
    drawAll();
  });
  window.addEventListener("afterprint", () => {
    delete dataset.paper;
    drawAgain();
  });
}

listenToTables();
listenToButtons();
beginTrials();
listenToScrolling();
listenToTheScreen();
