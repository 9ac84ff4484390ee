// Live: takes rows from the stream, shows them once a frame, keeps the last few hundred, and pauses on request.
"use strict";
(() => {
  const MOST_ROWS = 200;
  const table = document.getElementById("live");
  const body = table.tBodies[0];
  const state = document.getElementById("live-state");
  const pause = document.getElementById("pause");
  const nothing = document.getElementById("nothing");
  let source = null;
  let waiting = [];
  let frame = 0;
  let counts = [];
  let since = table.dataset.since;

  const say = (text, kind) => {
    if (state.textContent !== text) state.textContent = text;
    state.className = `state ${kind}`;
  };

  const flush = () => {
    frame = 0;
    const template = document.createElement("template");
    template.innerHTML = waiting.reverse().join(""); // rows that the server drew and escaped
    waiting = [];
    nothing.hidden ||= template.content.childElementCount > 0;
    body.prepend(template.content);
    while (body.rows.length > MOST_ROWS && !body.rows[body.rows.length - 1].contains(document.activeElement)) {
      body.rows[body.rows.length - 1].remove();
    }
    body.dispatchEvent(new CustomEvent("variance:rows", { bubbles: true }));
  };

  const showRate = (arrived) => {
    const now = Date.now();
    counts.push([now, arrived]);
    counts = counts.filter(([at]) => at > now - 5000);
  };

  const sayRate = () => {
    if (!source || source.readyState !== EventSource.OPEN) return;
    const now = Date.now();
    const rate = counts.filter(([at]) => at > now - 5000).reduce((sum, [, n]) => sum + n, 0) / 5;
    say(rate > 40 ? `About ${Math.round(rate).toLocaleString()} a second; a sample is shown` : "Following", "good");
  };

  const open = () => {
    // From where the page has come to, so that nothing is left out between its drawing, a pause, and now.
    const joint = table.dataset.stream.includes("?") ? "&" : "?";
    source = new EventSource(`${table.dataset.stream}${joint}since=${since}`);
    source.addEventListener("open", () => say("Following", "good"));
    source.addEventListener("rows", (event) => {
      since = event.lastEventId;
      waiting.push(event.data);
      if (waiting.length > 20) waiting.shift(); // a page in the background draws nothing
      frame ||= requestAnimationFrame(flush);
    });
    source.addEventListener("rate", (event) => showRate(Number(event.data)));
    source.addEventListener("error", () => say("Connecting again", "warn"));
  };

  pause.addEventListener("click", () => {
    const isPaused = source !== null;
    if (isPaused) { source.close(); source = null; say("Paused", "unknown"); } else { open(); }
    pause.textContent = isPaused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(isPaused));
  });

  // A message opens below its row; with a modifier key, or without script, on a page of its own.
  body.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-open]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const row = link.closest("tr");
    const isOpen = link.getAttribute("aria-expanded") === "true";
    link.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) { row.nextElementSibling.remove(); return; }
    const opened = document.createElement("tr");
    opened.className = "open-row";
    const cell = opened.insertCell();
    cell.colSpan = row.cells.length;
    cell.textContent = "Loading";
    row.after(opened);
    htmx.ajax("GET", link.getAttribute("href"), { target: cell, swap: "innerHTML" });
  });

  open();
  setInterval(sayRate, 1000);
  addEventListener("pagehide", () => source?.close());
})();
