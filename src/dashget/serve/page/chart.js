// Draws Periods, tracks and events over time, and the place that is playing.

const STEP_SECONDS = 5;
const PAGE_SECONDS = 60;
const ORDER = ["video", "audio", "text", "image", "other"];
const NAMES = { video: "video", audio: "audio", text: "text", image: "images", other: "other" };

/** Writes seconds as people read them. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  const text = parts.join(":");
  const tenths = Math.round((seconds - whole) * 10) % 10;
  const full = whole >= 3600 ? `${Math.floor(whole / 3600)}:${text}` : text;
  return tenths ? `${full}.${tenths}` : full;
}

function rated({ label, bandwidth }) {
  if (!bandwidth) return label;
  const rate = bandwidth < 1e6 ? `${Math.round(bandwidth / 1e3)} kb/s` : `${(bandwidth / 1e6).toFixed(1)} Mb/s`;
  return `${label} \u00b7 ${rate}`;
}

export class Chart {
  #place; #seek; #rows = []; #duration = 0; #now = 0; #timeline = ""; #events = []; #names = {};
  #slider; #head;

  constructor(place, seek) {
    this.#place = place;
    this.#seek = seek;
    place.replaceChildren();
  }

  /** How many tracks are drawn. */
  get count() { return this.#rows.length; }

  get hasEvents() { return this.#events.length > 0; }

  /** Draws a timeline; one that has not changed is left as it is. */
  draw(timeline) {
    const known = JSON.stringify([timeline.periods, timeline.rows, this.#events.length]);
    if (known === this.#timeline || !timeline.rows.length) return;
    this.#timeline = known;
    this.#duration = timeline.duration;
    this.#rows = [];
    const focused = document.activeElement === this.#slider;
    this.#place.replaceChildren(
      this.#periods(timeline.periods), ...this.#tracks(timeline.rows), ...this.#eventRow(), this.#makeSlider(timeline),
    );
    if (focused) this.#slider.focus();
    this.move(this.#now);
    this.mark(this.#names);
  }

  /** Shows the place that is playing. */
  move(seconds) {
    this.#now = seconds;
    if (!this.#slider || !this.#duration) return;
    const shown = Math.min(Math.max(seconds, 0), this.#duration);
    this.#head.style.left = `${(100 * shown) / this.#duration}%`;
    this.#slider.setAttribute("aria-valuenow", String(Math.round(shown)));
    this.#slider.setAttribute("aria-valuetext", `${clock(shown)} of ${clock(this.#duration)}`);
  }

  /** Marks the tracks that are playing, by the names of their Representations. */
  mark(names) {
    this.#names = names;
    for (const { element, kind, ids } of this.#rows) {
      element.classList.toggle("active", Boolean(names[kind]) && ids.has(names[kind]));
    }
  }

  addEvent(region) {
    const same = (known) => known.startTime === region.startTime && known.id === region.id
      && known.schemeIdUri === region.schemeIdUri;
    if (this.#events.some(same)) return;
    this.#events.push(region);
    if (this.#timeline) {
      this.#place.querySelector(".row.events")?.remove();
      this.#slider.before(...this.#eventRow());
    }
  }

  #left(seconds) { return `${(100 * Math.min(seconds, this.#duration)) / this.#duration}%`; }

  #row(name, label, className = "") {
    const row = document.createElement("div");
    row.className = `row ${className}`;
    const text = document.createElement("div");
    text.className = "label";
    const strong = document.createElement("b");
    strong.textContent = name;
    text.append(strong, label);
    text.title = `${name} ${label}`;
    const band = document.createElement("div");
    band.className = "band";
    row.append(text, band);
    return { row, band };
  }

  #periods(periods) {
    const { row, band } = this.#row(periods.length > 1 ? "Periods" : "Period", "", "periods");
    periods.forEach((period, index) => {
      const block = document.createElement("button");
      block.type = "button";
      block.className = "period";
      block.style.left = this.#left(period.start);
      block.style.width = this.#left(period.end - period.start);
      block.textContent = period.id ?? String(index + 1);
      block.title = `${block.textContent}: ${clock(period.start)} to ${clock(period.end)}`;
      block.addEventListener("click", () => this.#seek(period.start));
      band.append(block);
    });
    return row;
  }

  /** Yields a row for each track; one that goes on in the next Period, as it is, stays one row. */
  * #tracks(rows) {
    const joined = new Map();
    for (const row of rows) {
      let key = `${row.kind} ${row.label}`;
      while (joined.get(key)?.periods.has(row.period)) key += "'";
      if (!joined.has(key)) joined.set(key, { ...row, runs: [], ids: new Set(), periods: new Set() });
      const whole = joined.get(key);
      whole.runs.push(...row.runs);
      whole.ids.add(row.id);
      whole.periods.add(row.period);
    }
    const sorted = [...joined.values()].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
    for (const track of sorted) {
      const { row, band } = this.#row(NAMES[track.kind] ?? track.kind, rated(track));
      for (const run of track.runs) {
        const block = document.createElement("i");
        block.className = run.state;
        block.style.left = this.#left(run.start);
        block.style.width = this.#left(run.end - run.start);
        const count = run.segments === 1 ? "1 segment" : `${run.segments.toLocaleString("en")} segments`;
        block.title = `${count} ${run.state}: ${clock(run.start)} to ${clock(run.end)}`;
        band.append(block);
      }
      const bad = track.runs.filter((run) => run.state !== "here");
      row.setAttribute("role", "img");
      row.setAttribute("aria-label", `${track.kind} ${track.label}: ${bad.length ? bad.map((run) => `${run.state} from ${clock(run.start)} to ${clock(run.end)}`).slice(0, 20).join(", ") : "all here"}`);
      row.addEventListener("click", (event) => {
        const box = band.getBoundingClientRect();
        if (event.clientX >= box.left) this.#seek((this.#duration * (event.clientX - box.left)) / box.width);
      });
      this.#rows.push({ element: row, kind: track.kind, ids: track.ids });
      yield row;
    }
  }

  #eventRow() {
    if (!this.#events.length) return [];
    const { row, band } = this.#row("Events", "", "events");
    for (const region of this.#events) {
      const dot = document.createElement("button");
      dot.type = "button";
      dot.className = "event";
      dot.style.left = this.#left(Math.max(region.startTime, 0));
      dot.title = `event ${region.id || region.value || ""} of ${region.schemeIdUri} at ${clock(region.startTime)}`;
      dot.setAttribute("aria-label", dot.title);
      dot.addEventListener("click", () => this.#seek(region.startTime));
      band.append(dot);
    }
    return [row];
  }

  /** Makes the place that is playing a slider, for keys and screen readers. */
  #makeSlider(timeline) {
    this.#slider = document.createElement("div");
    this.#slider.id = "seek";
    this.#slider.tabIndex = 0;
    this.#slider.setAttribute("role", "slider");
    this.#slider.setAttribute("aria-label", "Place in the presentation");
    this.#slider.setAttribute("aria-valuemin", "0");
    this.#slider.setAttribute("aria-valuemax", String(Math.round(timeline.duration)));
    this.#head = document.createElement("div");
    this.#head.id = "head";
    this.#slider.append(this.#head);
    this.#slider.addEventListener("keydown", (event) => {
      const steps = {
        ArrowLeft: -STEP_SECONDS, ArrowDown: -STEP_SECONDS, ArrowRight: STEP_SECONDS, ArrowUp: STEP_SECONDS,
        PageDown: -PAGE_SECONDS, PageUp: PAGE_SECONDS, Home: -this.#duration, End: this.#duration,
      };
      if (!(event.key in steps)) return;
      event.preventDefault();
      this.#seek(Math.min(Math.max(this.#now + steps[event.key], 0), this.#duration));
    });
    return this.#slider;
  }
}
