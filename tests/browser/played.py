"""What somebody sees and hears of another in the call page."""

from playwright.async_api import expect

from tests.browser.people import Person


async def until_played(one: Person, other: str, colour: str = "") -> None:
    """Wait until the tile decodes ten more frames, of that colour: `rgb` where r, g or b leads."""
    video = one.tile(other).locator("video")
    await expect(video).to_be_visible(timeout=20_000)
    await one.page.wait_for_function(
        """([video, colour]) => {
            const count = video.getVideoPlaybackQuality().totalVideoFrames;
            video.counted ??= count;
            if (count < video.counted + 10) return false;
            const canvas = new OffscreenCanvas(1, 1).getContext("2d");
            canvas.drawImage(video, 0, 0, 1, 1);
            const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
            const lead = Math.max(r, g, b);
            return colour === "" || { r, g, b }[colour] === lead && lead > 150;
        }""",
        arg=[await video.element_handle(), colour],
        timeout=20_000,
    )
    await video.evaluate("video => { delete video.counted; }")


async def pitch_of(one: Person, other: str) -> float:
    """Hertz that are loudest in what the tile plays."""
    loudest = (
        await one.tile(other)
        .locator("video")
        .evaluate(
            """async video => {
            const audio = new AudioContext();
            const heard = audio.createAnalyser();
            heard.fftSize = 8192;
            audio.createMediaStreamSource(video.srcObject).connect(heard);
            const bins = new Float32Array(heard.frequencyBinCount);
            for (let n = 0; n < 200; n++) {
                await new Promise(done => setTimeout(done, 50));
                heard.getFloatFrequencyData(bins);
                const most = Math.max(...bins);
                if (n > 10 && most > -50) return bins.indexOf(most) * audio.sampleRate / 8192;
            }
            return 0;
        }"""
        )
    )
    assert isinstance(loudest, int | float)
    return float(loudest)
