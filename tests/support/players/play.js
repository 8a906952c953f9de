// What the tests ask of a player, alike for Shaka Player and dash.js.
const players = {
  async shaka(video, url) {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    await player.attach(video);
    player.addEventListener("error", event => tried.errors.push(`shaka ${event.detail.code} ${event.detail.data}`));
    await player.load(url);
    return {
      showText: () => {
        player.selectTextTrack(player.getTextTracks()[0]);
        player.setTextTrackVisibility?.(true);
      },
      end: () => player.destroy(),
    };
  },
  async dashjs(video, url) {
    const player = dashjs.MediaPlayer().create();
    player.updateSettings({ debug: { logLevel: 0 } });
    player.on("error", event => tried.errors.push(`dash.js ${event.error.code} ${event.error.message}`));
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
const tried = { errors: [], player: null, video: null };

async function openIn(name, url) {
  await tried.player?.end();
  tried.video?.remove();
  tried.errors = [];
  tried.video = document.createElement("video");
  tried.video.muted = true;
  document.body.append(tried.video);
  tried.player = await players[name](tried.video, url);
  tried.video.play();
}

function shownCues() {
  return [...tried.video.textTracks].reduce((sum, track) => sum + (track.cues?.length ?? 0), 0);
}

function bufferedRanges() {
  const found = tried.video.buffered;
  return Array.from({ length: found.length }, (_, at) => [found.start(at), found.end(at)]);
}
