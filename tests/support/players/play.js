// What the tests ask of a player, alike for Shaka Player and dash.js.
const players = {
  async shaka(video, url, aheadSeconds) {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    await player.attach(video);
    player.configure("streaming.bufferingGoal", aheadSeconds);
    player.addEventListener("error", event => tried.errors.push(`shaka ${event.detail.code} ${event.detail.data}`));
    video.addEventListener("ended", () => tried.ends.push(video.currentTime));
    await player.load(url);
    return {
      showText: () => {
        player.selectTextTrack(player.getTextTracks()[0]);
        player.setTextTrackVisibility?.(true);
      },
      end: () => player.destroy(),
    };
  },
  async dashjs(video, url, aheadSeconds) {
    const player = dashjs.MediaPlayer().create();
    const buffer = {
      bufferTimeDefault: aheadSeconds,
      bufferTimeAtTopQuality: aheadSeconds,
      bufferTimeAtTopQualityLongForm: aheadSeconds,
    };
    player.updateSettings({ debug: { logLevel: 0 }, streaming: { buffer } });
    player.on("error", event => tried.errors.push(`dash.js ${event.error.code} ${event.error.message}`));
    // Where the browser is late, dash.js finds the end by a timer, and pauses: such a video never has
    // "ended" for the browser. Where it has, dash.js may seek back by half a second at once.
    player.on("playbackEnded", event => event.isLast && tried.ends.push(video.currentTime));
    player.initialize(video, url, false);
    return {
      showText: () => {
        player.enableText(true);
        player.setTextTrack(0);
      },
      end: () => player.destroy(),
    };
  },
};
const tried = { errors: [], ends: [], player: null, video: null };

async function openIn(name, url, aheadSeconds) {
  tried.video = document.createElement("video");
  tried.video.muted = true;
  document.body.append(tried.video);
  tried.player = await players[name](tried.video, url, aheadSeconds);
  tried.video.play();
}

function shownCues() {
  return [...tried.video.textTracks].reduce((sum, track) => sum + (track.cues?.length ?? 0), 0);
}

function bufferedSeconds() {
  const found = tried.video.buffered;
  return Array.from(found, (_, at) => found.end(at) - found.start(at)).reduce((sum, each) => sum + each, 0);
}
