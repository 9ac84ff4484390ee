// What every page does by script: times in the reader's zone, copy buttons, charts, and moving the focus to what came.
"use strict";
(() => {
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const year = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

  const inWords = (then, now) => {
    const seconds = (now - then) / 1000;
    if (seconds >= 0 && seconds < 60) return `${Math.floor(seconds)} s ago`;
    if (seconds >= 0 && seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (then.toDateString() === now.toDateString()) return clock.format(then);
    return Math.abs(seconds) < 300 * 86400 ? day.format(then) : year.format(then);
  };

  const showTimes = (root) => {
    const now = new Date();
    for (const time of root.querySelectorAll("time[datetime]")) {
      const then = new Date(time.dateTime);
      if (Number.isNaN(then.getTime())) continue;
      time.textContent = inWords(then, now);
      time.title ||= `${exact.format(then)} (${time.dateTime})`;
    }
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    const said = button.querySelector("[data-said]");
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      said.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source); // no clipboard without HTTPS: select it, to be copied by hand
      said.textContent = "Selected";
    }
    setTimeout(() => { said.textContent = "Copy"; }, 2000);
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const drawChart = (figure) => {
    const told = JSON.parse(figure.dataset.chart);
    const plot = figure.querySelector(".plot");
    plot.replaceChildren();
    const strokes = [colour("--accent"), colour("--good"), colour("--warn"), colour("--bad"), colour("--text-soft")];
    const axis = { stroke: colour("--text-soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui" };
    new uPlot({
      width: plot.clientWidth,
      height: Math.max(180, Math.min(240, plot.clientWidth / 3)),
      cursor: { y: false },
      legend: { live: true },
      scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.05)] } },
      axes: [axis, { ...axis, size: 60 }],
      series: [{}, ...told.series.map((series, n) => ({
        label: series.name, stroke: strokes[n % strokes.length], width: 2, points: { show: told.times.length < 2 },
        paths: told.bars ? uPlot.paths.bars({ size: [0.7, 40] }) : undefined,
        fill: told.bars ? strokes[n % strokes.length] : undefined,
      }))],
    }, [told.times, ...told.series.map((series) => series.values)], plot);
  };

  const showCharts = (root) => {
    if (!window.uPlot) return;
    for (const figure of root.querySelectorAll("figure[data-chart]")) drawChart(figure);
  };

  const show = (root) => { showTimes(root); showCharts(root); };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("htmx:load", (event) => show(event.detail.elt));
  document.addEventListener("variance:rows", (event) => showTimes(event.target));
  // A message that a change has brought is read out, and stands in sight.
  document.querySelector("[data-focus]")?.focus();
  // A page that showed a secret must not ask to send its form again when it is reloaded.
  const place = document.querySelector("[data-place]");
  if (place) history.replaceState(null, "", place.dataset.place);

  // On a phone the bar is wider than the screen: have the page that it is on in sight.
  const current = document.querySelector(".bar [aria-current]");
  if (current) { const nav = current.closest("nav"); nav.scrollLeft = current.offsetLeft - nav.offsetLeft - 24; }

  show(document);
  setInterval(() => showTimes(document), 10000);
  let resizing;
  addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => showCharts(document), 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => showCharts(document));
})();
