"use strict";
// Two pictures, four ways to compare them, one zoom and pan for both.
{
  const get = (id) => document.getElementById(id);
  const stage = get("stage");
  const layers = [get("left"), get("right")];
  const view = { mode: "side", zoom: 1, x: 0, y: 0, turn: 0, front: true, timer: 0, heat: false, loupe: false, start: 0, warp: null, cut: null, spot: null };
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let shown = 0;

  // The symmetries of a rectangle, in the order in which the key goes through them; a kind of variant starts at its own.
  const TURNS = ["", "rotate(90deg)", "rotate(180deg)", "rotate(270deg)", "scaleX(-1)", "scaleY(-1)",
    "rotate(90deg) scaleX(-1)", "rotate(270deg) scaleX(-1)"];
  const MOVES = [[1, 0, 0, 1], [0, -1, 1, 0], [-1, 0, 0, -1], [0, 1, -1, 0], [-1, 0, 0, 1], [1, 0, 0, -1], [0, -1, -1, 0], [0, 1, 1, 0]];
  // Of runs that didn't keep how two pictures lie on each other, the kind says it, but for which way a quarter turn goes.
  const STARTS = { "rotated-90": 1, "rotated-180": 2, "rotated-270": 3, mirrored: 4, flipped: 5, "mirrored-rotated-90": 6,
    "mirrored-rotated-270": 7 };

  const quarter = (turn) => /90deg|270deg/.test(TURNS[turn]);
  // A quarter turn swaps the sides: scale the picture so that it fits the box again, as the other one does.
  const refit = (image) => {
    if (!quarter(view.turn)) return 1;
    const { clientWidth, clientHeight } = image.parentElement;
    const [width, height] = [image.naturalWidth || 1, image.naturalHeight || 1];
    const fits = (w, h) => Math.min(clientWidth / w, clientHeight / h);
    return fits(height, width) / fits(width, height);
  };

  // Where an object-fit picture is painted within its layer, before zoom and pan.
  const painted = (image) => {
    const { clientWidth, clientHeight } = image.parentElement;
    const scale = Math.min(clientWidth / (image.naturalWidth || 1), clientHeight / (image.naturalHeight || 1));
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    return { width, height, x: (clientWidth - width) / 2, y: (clientHeight - height) / 2 };
  };
  // A warp is six numbers (p, q, r, s, t, u): a place (x, y) of one picture is (p x + q y + r, s x + t y + u) of the
  // other, in coordinates of -1..1 from edge to edge.
  const extent = ([p, q, , s, t]) => p * t - q * s;
  const back = ([p, q, r, s, t, u]) => {
    const size = p * t - q * s;
    const [a, b, c, d] = [t / size, -q / size, -s / size, p / size];
    return [a, b, -(a * r + b * u), c, d, -(c * r + d * u)];
  };
  // Which of the turns brings the right picture back to how the left one lies.
  const turnOf = (warp) => {
    const [p, q, , s, t] = back(warp);
    const fits = MOVES.map(([a, b, c, d]) => a * p + b * q + c * s + d * t);
    return fits.indexOf(Math.max(...fits));
  };
  // The picture that shows more, and where in it the other lies, as shares of its sides; none where both show the same.
  const cutOf = (warp, turn) => {
    const side = extent(warp) ** 2 < 1 ? 1 : 0;
    const [p, q, r, s, t, u] = side ? warp : back(warp);
    if (Math.abs(p * t - q * s) > 0.97 || (turn && side)) return null;
    const [w, h] = [Math.abs(p) + Math.abs(q), Math.abs(s) + Math.abs(t)];
    return { side, box: [(1 + r - w) / 2, (1 + u - h) / 2, w, h] };
  };
  const base = () => (view.cut ? view.cut.side : 0);
  const registered = () => view.warp && view.mode !== "side" && view.turn === view.start;
  // Registered pictures get boxes of whole pixels and of one size, or turned by a quarter: a browser rounds the place of
  // each picture by itself, and the difference would show that as an edge.
  const boxOf = (index) => {
    const { clientWidth, clientHeight } = layers[index];
    const under = painted(layers[base()].firstElementChild);
    const sides = [Math.round(under.width), Math.round(under.height)];
    const [width, height] = index !== base() && quarter(view.turn) ? sides.reverse() : sides;
    return { width, height, x: Math.round((clientWidth - width) / 2), y: Math.round((clientHeight - height) / 2) };
  };
  // The one that shows less is laid onto its place in the other.
  const laid = (index) => {
    if (!registered() || index === base()) return "";
    const [p, q, r, s, t, u] = index ? back(view.warp) : view.warp;
    const [own, under] = [boxOf(index), boxOf(base())];
    if (!own.width || !under.width) return "";
    const { clientWidth, clientHeight } = layers[index];
    const middle = (box) => [box.x + (box.width - clientWidth) / 2, box.y + (box.height - clientHeight) / 2];
    const [[ox, oy], [ux, uy]] = [middle(own), middle(under)];
    const [a, b] = [(p * under.width) / own.width, (s * under.height) / own.width];
    const [c, d] = [(q * under.width) / own.height, (t * under.height) / own.height];
    const [x, y] = [ux + (r * under.width) / 2 - a * ox - c * oy, uy + (u * under.height) / 2 - b * ox - d * oy];
    return ` matrix(${a}, ${b}, ${c}, ${d}, ${x}, ${y})`;
  };
  const place = (image, index) => {
    const box = registered() ? boxOf(index) : null;
    const names = ["position", "objectFit", "left", "top", "width", "height", "transformOrigin"];
    const { clientWidth, clientHeight } = layers[index];
    const values = box && ["absolute", "fill", ...[box.x, box.y, box.width, box.height].map((size) => `${size}px`), `${clientWidth / 2 - box.x}px ${clientHeight / 2 - box.y}px`];
    names.forEach((name, at) => (image.style[name] = values ? values[at] : ""));
  };

  const draw = () => {
    stage.dataset.mode = view.mode;
    layers.forEach((layer, index) => {
      const image = layer.firstElementChild;
      const turn = index === 1 && view.turn ? ` ${TURNS[view.turn]} scale(${refit(image)})` : "";
      place(image, index);
      image.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})${laid(index) || turn}`;
    });
    const share = Number(get("slide").value);
    layers[1].style.clipPath = view.mode === "slider" ? `inset(0 0 0 ${share}%)` : "";
    // Flicker only ever changes the opacity of the front picture: the other lies painted behind it, so no frame is blank.
    layers[1].style.opacity = view.mode === "flicker" && !view.front ? "0" : "";
    // What does nothing in a view isn't offered in it: the toolbar stays one line.
    get("loupe").hidden = view.mode !== "side";
    get("looks").hidden = view.mode === "difference";
    get("gain").hidden = view.mode !== "difference";
    get("heat").hidden = view.mode !== "difference";
    get("heat").setAttribute("aria-pressed", String(view.heat));
    for (const part of ["r", "g", "b"]) get(`heat-${part}`).setAttribute("slope", get("gain").value);
    const bright = view.heat ? "url(#heat-map)" : `brightness(${get("gain").value})`;
    stage.style.filter = view.mode === "difference" ? bright : "";
    outline();
    layers[1].classList.toggle("turned", view.turn > 0);
    stage.dataset.front = view.front ? "right" : "left";
    get("slide").hidden = view.mode !== "slider";
    for (const button of get("modes").children)
      button.setAttribute("aria-pressed", String(button.dataset.mode === view.mode));
  };

  const outline = () => {
    layers.forEach((layer, index) => {
      surround(layer, ".cut", view.cut && view.cut.side === index && view.mode !== "difference" && view.cut.box);
      // A picture that was turned, or laid onto its place in another, has the spot elsewhere.
      const moved = (index === 1 && view.turn > 0) || laid(index) !== "";
      surround(layer, ".spot", view.spot && view.spot.sides.includes(index) && !moved && view.spot.box);
    });
  };
  // Lays a mark around a part of a layer's picture, given as shares of its sides; no part: no mark.
  const surround = (layer, kind, part) => {
    const mark = layer.querySelector(kind);
    mark.hidden = !part || layer.classList.contains("blank");
    if (mark.hidden) return;
    const image = layer.firstElementChild;
    const box = painted(image);
    const [x, y, w, h] = part;
    const at = (share, offset, size, length, pan) => (offset + share * size - length / 2) * view.zoom + length / 2 + pan;
    Object.assign(mark.style, {
      left: `${at(x, box.x, box.width, layer.clientWidth, view.x)}px`, top: `${at(y, box.y, box.height, layer.clientHeight, view.y)}px`,
      width: `${w * box.width * view.zoom}px`, height: `${h * box.height * view.zoom}px`,
    });
  };
  // Both lenses show the same place of the picture, pixel by pixel.
  const loupe = (event) => {
    const over = event.target.closest?.(".layer");
    const on = view.loupe && over && view.mode === "side";
    const source = on && over.firstElementChild;
    const box = on && painted(source);
    const frame = on && over.getBoundingClientRect();
    const share = on && [(((event.clientX - frame.x - source.clientWidth / 2 - view.x) / view.zoom + source.clientWidth / 2 - box.x) / box.width),
      (((event.clientY - frame.y - source.clientHeight / 2 - view.y) / view.zoom + source.clientHeight / 2 - box.y) / box.height)];
    layers.forEach((layer) => {
      const lens = layer.querySelector(".lens");
      const image = layer.firstElementChild;
      lens.hidden = !on || layer.classList.contains("blank") || share.some((part) => part < 0 || part > 1);
      if (lens.hidden) return;
      const pixel = 1 / (window.devicePixelRatio || 1);
      const [w, h] = [image.naturalWidth * pixel, image.naturalHeight * pixel];
      Object.assign(lens.style, {
        left: `${event.clientX - frame.x}px`, top: `${event.clientY - frame.y}px`,
        backgroundImage: `url("${image.src}")`, backgroundSize: `${w}px ${h}px`,
        backgroundPosition: `${lens.clientWidth / 2 - share[0] * w}px ${lens.clientHeight / 2 - share[1] * h}px`,
      });
    });
  };

  // Luma as an area, the three colours as lines.
  const plot = (canvas, tones) => {
    const { width, height } = canvas;
    const ink = canvas.getContext("2d");
    ink.clearRect(0, 0, width, height);
    tones.forEach((heights, channel) => {
      ink.beginPath();
      ink.moveTo(0, height);
      heights.forEach((tall, at) => ink.lineTo(((at + 0.5) / heights.length) * width, height - (tall / 99) * (height - 2)));
      ink.lineTo(width, height);
      ink.fillStyle = "rgb(255 255 255 / .45)";
      ink.strokeStyle = ["transparent", "#ff7b72", "#7ee787", "#79c0ff"][channel];
      if (channel) ink.stroke();
      else ink.fill();
    });
  };

  const decoded = async (source) => {
    const image = new Image();
    image.src = source;
    try {
      await image.decode();
    } catch {
      return false; // a thumbnail that went missing shows as no picture
    }
    return true;
  };

  mirrorfold.compare = {
    // Both pictures are decoded before either is swapped in: the pair on screen is never half of two questions.
    async show(sources, kind, warp = null, spot = null) {
      const turn = ++shown;
      Object.assign(view, { warp: null, cut: null, spot: null });
      view.missing = false;
      // Of each side the first that can be shown: a served picture, or the sketch where its source doesn't answer.
      const ready = await Promise.all(sources.map((list) => list.reduce(async (found, source) => (await found) || ((await decoded(source)) && source), false)));
      if (turn !== shown) return;
      layers.forEach((layer, index) => {
        const image = layer.firstElementChild;
        if (ready[index]) image.src = ready[index];
        else image.removeAttribute("src");
        layer.classList.toggle("blank", !ready[index]);
      });
      view.missing = !ready.every(Boolean);
      get("no-picture").hidden = ready.some(Boolean);
      get("sketch").hidden = !ready.some((source) => source && source.startsWith("data:"));
      const start = warp ? turnOf(warp) : STARTS[kind] || 0;
      Object.assign(view, { zoom: 1, x: 0, y: 0, turn: start, start, front: true, warp, cut: warp && cutOf(warp, start), spot });
      draw();
    },
    // Tells whether none of the two pictures is known to be missing.
    complete: () => !view.missing,
    preload: (sources) => sources.filter(Boolean).forEach(decoded),
    mode(name) {
      view.mode = name;
      view.front = true;
      clearInterval(view.timer);
      if (name === "flicker" && !calm.matches) view.timer = setInterval(() => this.swap(), 650);
      draw();
    },
    swap() {
      view.front = !view.front;
      draw();
    },
    // Stops the clock and swaps by hand.
    swapByHand() {
      clearInterval(view.timer);
      this.swap();
    },
    zoom(factor, centre = { x: 0, y: 0 }) {
      const next = Math.min(32, Math.max(1, view.zoom * factor));
      const ratio = next / view.zoom;
      view.x = next === 1 ? 0 : centre.x + (view.x - centre.x) * ratio;
      view.y = next === 1 ? 0 : centre.y + (view.y - centre.y) * ratio;
      view.zoom = next;
      draw();
    },
    pan(x, y) {
      if (view.zoom === 1) return;
      view.x += x;
      view.y += y;
      draw();
    },
    // One pixel of the left picture is one pixel of the screen.
    full() {
      const image = layers[0].firstElementChild;
      const shown = Math.min(image.clientWidth / (image.naturalWidth || 1), image.clientHeight / (image.naturalHeight || 1));
      this.fit();
      this.zoom(Math.max(1, 1 / (shown * (window.devicePixelRatio || 1))));
    },
    fit() {
      Object.assign(view, { zoom: 1, x: 0, y: 0 });
      draw();
    },
    heat() {
      view.heat = !view.heat;
      draw();
    },
    loupe() {
      view.loupe = !view.loupe;
      get("loupe").setAttribute("aria-pressed", String(view.loupe));
      if (!view.loupe) loupe({ target: document.body });
    },
    // Histograms and sharpness, of which only what was measured at one size compares.
    looks(found) {
      if (found) view.looks = found;
      get("looks").setAttribute("aria-pressed", String(Boolean(view.measured)));
      const sides = view.looks?.map((one) => Object.keys(one?.sharp || {})) || [[], []];
      const side = sides[0].filter((one) => sides[1].includes(one)).pop();
      layers.forEach((layer, index) => {
        const box = layer.querySelector(".looks");
        const one = view.looks?.[index];
        box.hidden = !view.measured || !one || layer.classList.contains("blank");
        if (box.hidden) return;
        plot(box.firstElementChild, one.tones);
        box.lastElementChild.textContent = side ? mirrorfold.t("review.sharpness", { value: one.sharp[side].toFixed(1), side }) : "";
      });
    },
    measure() {
      view.measured = !view.measured;
      this.looks();
    },
    rotate() {
      view.turn = (view.turn + 1) % TURNS.length;
      draw();
    },
    slide(step) {
      get("slide").value = String(Number(get("slide").value) + step);
      draw();
    },
    draw,
    state: view,
  };

  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const box = event.target.closest(".layer")?.getBoundingClientRect() || stage.getBoundingClientRect();
      const centre = { x: event.clientX - box.x - box.width / 2, y: event.clientY - box.y - box.height / 2 };
      mirrorfold.compare.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, centre);
    },
    { passive: false },
  );
  stage.addEventListener("pointermove", loupe);
  stage.addEventListener("pointerleave", () => loupe({ target: document.body }));
  window.addEventListener("resize", draw);
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    const slides = view.mode === "slider" && view.zoom === 1;
    const move = (moved) => {
      if (!slides) return mirrorfold.compare.pan(moved.movementX, moved.movementY);
      const box = stage.getBoundingClientRect();
      get("slide").value = String((100 * (moved.clientX - box.x)) / box.width);
      draw();
    };
    const stop = () => {
      stage.removeEventListener("pointermove", move);
      stage.removeEventListener("pointerup", stop);
      stage.removeEventListener("pointercancel", stop);
    };
    stage.addEventListener("pointermove", move);
    stage.addEventListener("pointerup", stop);
    stage.addEventListener("pointercancel", stop);
  });
}
