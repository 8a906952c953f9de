// The page of dashget play: chooses a mirror, plays it, and draws what is here of it.

import { Chart, clock } from "./chart.js";

const $ = (id) => document.getElementById(id);
const shaka = window.shaka;
const FIRST_MILLISECONDS = 400;
const LATER_MILLISECONDS = 5000;

const video = $("video");
let player = null;
let shows = [];
let shown = null;
let chart = null;
let asking = 0;
let timeline = null;
let hole = null;

/** Reads the part of the address behind "#": the mirror, and keys. It is never sent. */
function readFragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  const keys = {};
  for (const pair of given.getAll("key")) {
    const found = /^([0-9a-f-]{32,36}):([0-9a-f]{32})$/i.exec(pair.trim());
    if (found) keys[found[1].replaceAll("-", "").toLowerCase()] = found[2].toLowerCase();
  }
  return { name: given.get("mirror"), keys };
}

function fragmentFor(name) {
  const given = new URLSearchParams(location.hash.slice(1));
  given.set("mirror", name);
  return `#${given}`.replaceAll("%3A", ":");
}

async function start() {
  shaka.polyfill.installAll();
  if (!shaka.Player.isBrowserSupported()) {
    fail("This browser lacks Media Source Extensions, by which a page plays DASH.");
    return;
  }
  player = new shaka.Player();
  await player.attach(video);
  const overlay = new shaka.ui.Overlay(player, $("player"), video);
  overlay.configure({
    controlPanelElements: [
      "play_pause", "mute_volume", "time_and_duration", "spacer", "captions", "language",
      "quality", "overflow_menu", "fullscreen",
    ],
    overflowMenuButtons: ["playback_rate", "loop", "picture_in_picture", "statistics"],
    documentPictureInPicture: { enabled: false },
    enableKeyboardPlaybackControlsInWindow: false,
    trackLabelFormat: shaka.ui.Overlay.TrackLabelFormat.LANGUAGE_ROLE,
    textTrackLabelFormat: shaka.ui.Overlay.TrackLabelFormat.LANGUAGE_ROLE,
  });
  player.configure({
    // A mirror that lacks a segment is played past the hole.
    streaming: { retryParameters: { maxAttempts: 2 }, gapDetectionThreshold: 0.2, ignoreTextStreamFailures: true },
    manifest: { retryParameters: { maxAttempts: 2 }, dash: { ignoreMinBufferTime: true } },
  });
  player.addEventListener("error", (event) => noteHole(event.detail) || fail(describe(event.detail)));
  for (const name of ["waiting", "timeupdate"]) video.addEventListener(name, passHole);
  for (const name of ["adaptation", "variantchanged", "textchanged", "texttrackvisibility", "trackschanged"]) {
    player.addEventListener(name, showPlaying);
  }
  player.addEventListener("timelineregionadded", (event) => chart?.addEvent(event.detail));
  for (const name of ["timeupdate", "seeking", "ended"]) video.addEventListener(name, () => chart?.move(video.currentTime));
  const answer = await fetch("/.dashget/shows.json");
  shows = await answer.json();
  addEventListener("hashchange", choose);
  await choose();
}

/** Plays the mirror that the address names, by default the first. */
async function choose() {
  const { name, keys } = readFragment();
  const wanted = shows.find((show) => show.name === name) ?? shows[0];
  listShows(wanted);
  if (wanted === shown) return;
  shown = wanted;
  timeline = hole = null;
  document.title = `${wanted.title} \u2013 DashGet`;
  $("title").textContent = wanted.title;
  $("facts").textContent = "";
  $("playing").textContent = "";
  $("failure").hidden = true;
  chart = new Chart($("chart"), seek);
  $("event-legend").hidden = true;
  const asked = ++asking;
  followTimeline(wanted, asked, FIRST_MILLISECONDS);
  try {
    player.configure("drm.clearKeys", keys);
    await player.load(wanted.manifest);
    const sound = !player.getVariantTracks().some((track) => track.videoCodec || track.width);
    $("player").classList.toggle("sound", sound);
    document.body.dataset.loaded = wanted.name;
    showPlaying();
    await video.play().catch(() => {}); // Browsers may want a click first.
  } catch (error) {
    if (error?.code !== shaka.util.Error.Code.LOAD_INTERRUPTED) fail(describe(error));
  }
}

function listShows(current) {
  $("shows").parentElement.hidden = shows.length < 2;
  $("shows").replaceChildren(...shows.map((show) => {
    const link = document.createElement("a");
    link.href = fragmentFor(show.name);
    link.textContent = show.title;
    link.title = show.title;
    if (show === current) link.setAttribute("aria-current", "true");
    const item = document.createElement("li");
    item.append(link);
    return item;
  }));
}

/** Asks for the timeline of a mirror: often while it is looked at, seldom when that is done. */
async function followTimeline(show, asked, pause) {
  let found = null;
  try {
    found = await (await fetch(show.timeline)).json();
  } catch {
    if (asked === asking) $("state").textContent = "the server has ended";
    return;
  }
  if (asked !== asking) return;
  timeline = found;
  draw();
  const done = timeline.stage === "checked" || timeline.stage === "failed";
  const next = done ? LATER_MILLISECONDS : Math.min(pause * 1.3, 2000);
  setTimeout(() => asked === asking && followTimeline(show, asked, next), done ? LATER_MILLISECONDS : pause);
}

function draw() {
  if (timeline.title) {
    $("title").textContent = timeline.title;
    document.title = `${timeline.title} \u2013 DashGet`;
  }
  chart.draw(timeline);
  if (timeline.rows.length) {
    const facts = [clock(timeline.duration)];
    if (timeline.periods.length > 1) facts.push(`${timeline.periods.length} Periods`);
    facts.push(`${chart.count} tracks`, `${timeline.files.toLocaleString("en")} files`);
    $("facts").textContent = facts.join(" \u00b7 ");
  }
  chart.move(video.currentTime);
  showPlaying();
  const bad = timeline.troubles.length + timeline.troubles_hidden;
  const words = {
    looking: "looking \u2026",
    checking: `checking every file: ${Math.floor(timeline.done * 100)} %`,
    checked: bad ? "" : "every file is here and sound",
    failed: `could not be checked: ${timeline.error}`,
  };
  const missing = timeline.troubles.filter((trouble) => trouble.state === "missing").length;
  if (timeline.stage === "checked" && bad) {
    const parts = [];
    if (missing) parts.push(`${missing} missing`);
    if (bad - missing) parts.push(`${bad - missing} damaged`);
    words.checked = parts.join(", ");
  }
  $("state").textContent = words[timeline.stage];
  listTroubles(bad);
}

function listTroubles(bad) {
  $("troubles").hidden = bad === 0;
  $("troubles-name").textContent = bad === 1 ? "1 file is not as it should be" : `${bad} files are not as they should be`;
  const items = timeline.troubles.map((trouble) => {
    const item = document.createElement("li");
    const place = document.createElement(trouble.start === null ? "span" : "button");
    place.textContent = trouble.start === null ? "all along" : clock(trouble.start);
    if (trouble.start !== null) {
      place.type = "button";
      place.title = "go there";
      place.addEventListener("click", () => seek(trouble.start));
    }
    const text = document.createElement("span");
    const path = document.createElement("code");
    path.textContent = trouble.path;
    const why = document.createElement("small");
    why.textContent = ` ${trouble.message}`;
    text.append(path, why);
    item.append(place, text);
    return item;
  });
  if (timeline.troubles_hidden) {
    const more = document.createElement("li");
    more.append(document.createElement("span"), `and ${timeline.troubles_hidden} more; dashget verify lists them all`);
    items.push(more);
  }
  $("trouble-list").replaceChildren(...items);
}

/** Says what is playing now, and marks its rows. */
function showPlaying() {
  if (!player?.getAssetUri()) return;
  const variant = player.getVariantTracks().find((track) => track.active);
  const text = player.getTextTracks().find((track) => track.active);
  const facts = [];
  const names = { video: variant?.originalVideoId, audio: variant?.originalAudioId };
  if (variant?.height) facts.push(`${variant.width}\u00d7${variant.height}`);
  if (variant?.videoCodec) facts.push(variant.videoCodec.split(".")[0]);
  if (variant?.language && variant.language !== "und") facts.push(variant.language);
  if (variant?.audioCodec) facts.push(variant.audioCodec.split(".")[0]);
  if (text && player.isTextTrackVisible?.() !== false) {
    facts.push(`subtitles ${text.language}`);
    names.text = text.originalTextId;
  }
  $("playing").textContent = facts.length ? `Playing ${facts.join(" \u00b7 ")}` : "";
  chart?.mark(names);
  $("event-legend").hidden = !chart?.hasEvents;
}

/** Remembers a segment that is missing, so that playback goes on behind it; false if it is unknown. */
function noteHole(error) {
  if (error?.code !== shaka.util.Error.Code.BAD_HTTP_STATUS || !timeline) return false;
  const path = decodeURIComponent(new URL(error.data[0], location.href).pathname);
  const trouble = timeline.troubles.find((each) => each.start !== null && path.endsWith(`/${each.path}`));
  const runs = timeline.rows.flatMap((row) => row.runs).filter((run) => run.state === "missing");
  const run = trouble && runs.find((each) => each.start <= trouble.start && trouble.start < each.end);
  if (!run) return false;
  hole = run;
  passHole();
  return true;
}

/** Goes on behind a hole when playback has come to it, with the chosen languages. */
async function passHole() {
  if (!hole || video.currentTime < hole.start - 0.5) return;
  const { end } = hole;
  hole = null;
  const { paused } = video;
  const audio = player.getAudioTracks().find((track) => track.active);
  const text = player.getTextTracks().find((track) => track.active);
  // Else it would begin with the segment before, which is the missing one.
  player.configure("streaming.inaccurateManifestTolerance", 0);
  try {
    await player.load(shown.manifest, Math.min(end + 0.01, timeline.duration));
    reselect(player.getAudioTracks(), audio, (track) => player.selectAudioTrack(track));
    reselect(player.getTextTracks(), text, (track) => player.selectTextTrack(track));
    if (!paused) await video.play().catch(() => {});
  } catch (error) {
    if (error?.code !== shaka.util.Error.Code.LOAD_INTERRUPTED) fail(describe(error));
  }
}

function reselect(tracks, chosen, select) {
  const alike = (track) => track.language === chosen.language && track.label === chosen.label;
  const found = chosen && tracks.find(alike);
  if (found && !found.active) select(found);
}

function seek(seconds) {
  video.currentTime = seconds;
  chart?.move(seconds);
}

function describe(error) {
  const Code = shaka.util.Error.Code;
  if (error?.category === shaka.util.Error.Category.DRM) {
    return "This presentation is encrypted. With a key of yours, open this page with #key=KID:KEY"
      + " at the end of its address, both as 32 hexadecimal digits.";
  }
  if (error?.code === Code.BAD_HTTP_STATUS) {
    const name = decodeURIComponent(new URL(error.data[0], location.href).pathname);
    return `${name} is not in the mirror. dashget verify --repair fetches what is missing.`;
  }
  if (error?.code === Code.HTTP_ERROR) return "The server has ended.";
  if (error?.code === Code.CONTENT_UNSUPPORTED_BY_BROWSER || error?.code === Code.NO_VARIANTS
      || error?.code === Code.ALL_STREAMS_RESTRICTED) {
    return "This browser has no decoder for this presentation; mpv may play it.";
  }
  return `This mirror cannot be played here (Shaka Player, error ${error?.code ?? error}).`;
}

function fail(text) {
  $("failure").textContent = text;
  $("failure").hidden = false;
}

// For whoever looks at the page from outside, such as its tests.
window.dashget = { get player() { return player; }, get video() { return video; } };
start();
