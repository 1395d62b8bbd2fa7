"""From any picture of a digit to one that looks as MNIST's do; and from an untrusted upload to a picture.

MNIST's digits were cropped to their ink, scaled to fit 20 x 20 pixels with their proportions kept, and placed in 28 x
28 by their centre of mass (LeCun et al. 1998, "Gradient-based learning applied to document recognition"). A
classifier trained on them reads a drawing or a photo only if the same is done to it.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from core.background import paper_of
from core.errors import InputError

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 25_000_000
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")

SIZE, BOX = 28, 20  # a digit's side, and that of the square its ink fits in
WORK = 256  # the longest side that a picture is worked on at
FAINT = 0.08  # contrast below this, of the whole range from black to white, is no ink
GRAIN = 0.002  # noise above this, half a grey level, is a camera's or a scanner's: no drawing has it

BLANK = (
    "The picture is blank: no ink stands out from its background. "
    "Draw a digit, or choose a picture in which a single digit is clearly darker or lighter than what is around it."
)
ACCEPTED = "Choose a PNG, JPEG, GIF, WebP, BMP or TIFF picture of a single digit."


# -------------------------------------------------------------------------------------------------------------- uploads


def open_picture(data: bytes) -> Image.Image:
    """The picture in an untrusted upload, upright; the first frame of an animated one.

    At most 5 MB and 25 million pixels: the pixels are counted before they are unpacked. Raises InputError, with a
    sentence for the visitor, for whatever cannot be used.
    """
    if not data:
        raise InputError(f"The file is empty. {ACCEPTED}")
    if len(data) > MAX_BYTES:
        raise InputError(
            f"The file has {len(data) / 2**20:.1f} MB; at most 5 MB are accepted. Make the picture smaller."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures and odd metadata: both are handled here
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise Image.DecompressionBombError
            picture.draft("L" if picture.mode == "L" else "RGB", (2 * WORK, 2 * WORK))  # a JPEG can be read smaller
            picture.load()
            return _upright(picture)
    except Image.DecompressionBombError as fault:
        raise InputError(
            f"The picture has too many pixels; at most {MAX_PIXELS // 1_000_000} million are accepted. "
            "Make the picture smaller."
        ) from fault
    except Image.UnidentifiedImageError as fault:
        raise InputError(f"The file is not a picture that can be read. {ACCEPTED}") from fault
    except Exception as fault:  # a damaged file makes Pillow's decoders raise nearly anything
        raise InputError(f"The picture is damaged or incomplete and cannot be read. {ACCEPTED}") from fault


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as the camera was held; as it is where that is not said, or said in a way that cannot be read."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:
        return picture


# --------------------------------------------------------------------------------------------------- a digit as MNIST's


def from_picture(picture: Image.Image) -> np.ndarray:
    """A picture of one digit, of any size and mode -> float32 (28, 28, 1) in multiples of 1/255, light ink on dark.

    The background is estimated and taken off, uneven light included; ink darker than the background is inverted; the
    ink is cropped, scaled into 20 x 20 and centred by mass. A digit of MNIST comes back as it was, or nearly. Raises
    InputError for a blank picture.
    """
    try:
        light = _lightness(_upright(picture))
    except InputError:
        raise
    except Exception as fault:
        raise InputError(f"The picture cannot be read as shades of grey. {ACCEPTED}") from fault
    return _centred(_fitted(_ink(light)))


def _lightness(picture: Image.Image) -> np.ndarray:
    """Any mode -> float32 (height, width) in [0, 1], at most WORK pixels long and wide."""
    if 0 in picture.size:
        raise InputError(BLANK)
    if picture.mode in ("F", "I") or picture.mode.startswith("I;"):
        return _deep_lightness(picture)
    if "A" in picture.getbands() or "a" in picture.mode or "transparency" in picture.info:
        return _on_paper(_shrunk(picture.convert("RGBA")))
    if picture.mode == "LAB":
        picture = picture.getchannel("L")
    elif picture.mode != "L":
        # Two colours of one lightness differ in a channel: read the one in which the ink stands out most.
        rgb = np.asarray(_shrunk(picture.convert("RGB")), np.float32) / 255
        return _clearest(rgb)
    return np.asarray(_shrunk(picture), np.float32) / 255


def _deep_lightness(picture: Image.Image) -> np.ndarray:
    """16- and 32-bit pictures, which Pillow would cut off at 255 instead of scaling."""
    values = np.nan_to_num(np.asarray(picture, dtype=np.float32), posinf=0.0, neginf=0.0)
    # The file does not say what stands for white: the smallest of the usual three that holds every value.
    white = next(
        (top for top in ((1.0,) if picture.mode == "F" else ()) + (255.0, 65535.0) if values.max() <= top), None
    )
    if picture.mode.startswith("I;16"):
        white = 65535.0
    values = np.clip(values / (white or values.max()), 0.0, 1.0)
    return np.asarray(_shrunk(Image.fromarray(values)), np.float32)


def _shrunk(picture: Image.Image) -> Image.Image:
    longest = max(picture.size)
    if longest <= WORK:
        return picture
    size = [max(round(side * WORK / longest), 1) for side in picture.size]
    return picture.resize((size[0], size[1]), Image.Resampling.BOX)


def _clearest(rgb: np.ndarray) -> np.ndarray:
    """Colours (height, width, 3) -> the one of lightness, red, green and blue that spreads widest: (height, width)."""
    grey = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    best, widest = grey, 1.25 * float(np.ptp(grey)) + 0.02  # lightness, unless another is clearly better
    for channel in np.moveaxis(rgb, -1, 0):
        if np.ptp(channel) > widest:
            best, widest = channel, float(np.ptp(channel))
    return best


def _on_paper(picture: Image.Image) -> np.ndarray:
    """An RGBA picture, laid on a paper of the lightness that lets its ink be seen: (height, width)."""
    pixels = np.asarray(picture, np.float32) / 255
    alpha = pixels[..., 3]
    seen = alpha > 0.5
    if not seen.any():
        raise InputError(BLANK)
    grey = _clearest(np.where(seen[..., None], pixels[..., :3], pixels[seen][:, :3].mean(axis=0)))
    low, middle, high = np.percentile(grey[seen], (5, 50, 95))
    # One colour: its shape is the ink, on whatever it stands out from. Else it brings a paper of its own.
    paper = float(middle < 0.5) if high - low < 0.35 else middle
    return grey * alpha + paper * (1 - alpha)


def _ink(light: np.ndarray) -> np.ndarray:
    """Lightness (height, width) -> how much ink is at each pixel, in [0, 1]; InputError if there is none."""
    rim = float(np.median(np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])))
    drawing = np.median(np.abs(light - rim)) <= GRAIN
    paper = rim if drawing else paper_of(light, rim)
    above, below = np.maximum(light - paper, 0), np.maximum(paper - light, 0)
    # Of normal noise, four tenths are below 0.524 of its spread; ink may cover as much as half of the picture.
    noise = float(np.quantile(np.abs(light - paper), 0.4)) / 0.524
    # Ink lies on one side of the paper. Squares, so that much faint shadow does not outweigh a little black ink.
    ink = above if np.square(above).sum() > np.square(below).sum() else below
    peak = float(ink.max())
    if peak < max(FAINT, 7 * noise):
        raise InputError(BLANK)
    if drawing:
        return ink / peak
    # A photo: what is firmly ink is kept, what touches the rim or is a speck is not, and the edges stay soft.
    firm = ink > max(_divide(ink), 4 * noise)
    if not firm.any():
        raise InputError(BLANK)
    full = float(np.median(ink[firm]))
    kept = _digit_of(firm)
    near = np.asarray(Image.fromarray(kept).convert("L").filter(ImageFilter.MaxFilter(5))) > 0
    low = max(0.25 * full, 2 * noise)
    return np.clip((ink - low) / max(0.9 * full - low, 1e-3), 0, 1) * near


def _divide(values: np.ndarray) -> float:
    """Otsu's threshold: the value in [0, 1] that parts the picture's two populations best (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=128, range=(0.0, 1.0))
    centres = (edges[:-1] + edges[1:]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * centres)
    above = below[-1] - below
    between = below * above * np.square(sums / np.maximum(below, 1) - (sums[-1] - sums) / np.maximum(above, 1))
    return float(edges[int(between.argmax()) + 1])


def _digit_of(firm: np.ndarray) -> np.ndarray:
    """Of the pixels that are ink, bool (height, width), those of the digit: no specks, and nothing that comes in from
    the rim."""
    pieces = _pieces(firm)
    inner = [piece for piece in pieces if not _at_rim(piece, firm.shape)]
    # A digit that was drawn over the rim is still a digit.
    if sum(map(len, inner)) >= 0.05 * sum(map(len, pieces)) or not pieces:
        pieces = inner
    largest = max(map(len, pieces), default=0)
    kept = np.zeros_like(firm)
    for piece in pieces:
        if len(piece) >= 0.08 * largest:
            kept[piece[:, 0], piece[:, 1]] = True
    if kept.sum() < 4:
        raise InputError(BLANK)
    return kept


def _at_rim(piece: np.ndarray, shape: tuple[int, ...]) -> bool:
    return bool((piece.min(axis=0) == 0).any() or (piece.max(axis=0) == np.array(shape) - 1).any())


def _pieces(mask: np.ndarray) -> list[np.ndarray]:
    """The connected pieces of a mask, corners included: a list of the pixels (n, 2) of each."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    pieces = []
    while left:
        queue = [left.pop()]
        for row, column in queue:  # grows while it is walked
            for near in ((row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
                if near in left:
                    left.remove(near)
                    queue.append(near)
        pieces.append(np.array(queue))
    return pieces


def _fitted(ink: np.ndarray) -> np.ndarray:
    """Ink (height, width) -> the same, cropped and scaled to at most 20 x 20."""
    whole = _cropped(ink, 0.0)
    if BOX - 2 <= max(whole.shape) <= BOX:
        return whole  # MNIST's own digits: scaling by a pixel or two would only blur them
    ink = _cropped(ink, 0.15)  # fainter is the soft edge of a line, or what JPEG leaves around it
    if max(ink.shape) > 2 * BOX:
        ink = _thick_enough(ink)
    longest = max(ink.shape)
    height, width = (max(round(side * BOX / longest), 1) for side in ink.shape)
    small = Image.fromarray(ink.astype(np.float32)).resize((width, height), Image.Resampling.HAMMING)
    scaled = np.clip(np.asarray(small), 0, None)
    return scaled / max(float(scaled.max()), 1e-6)


def _cropped(ink: np.ndarray, faint: float) -> np.ndarray:
    """The smallest part of the picture that holds all ink above this strength."""
    rows, columns = np.flatnonzero(ink.max(axis=1) > faint), np.flatnonzero(ink.max(axis=0) > faint)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _thick_enough(ink: np.ndarray) -> np.ndarray:
    """A pen's thin line would fade away in 20 pixels: widened to about 7 % of the digit's height, half of MNIST's
    strokes."""
    firm = ink > 0.5
    edges = np.count_nonzero(firm[1:] != firm[:-1]) + np.count_nonzero(firm[:, 1:] != firm[:, :-1])
    width = 2.5 * firm.sum() / max(edges, 1)  # a line of w pixels has two edges; 2.5 instead of 2 for those that slant
    missing = round(0.07 * max(ink.shape) - width)
    if missing < 1:
        return ink
    grey = Image.fromarray(np.round(np.pad(ink, missing) * 255).astype(np.uint8))
    wider = np.asarray(grey.filter(ImageFilter.MaxFilter(2 * ((missing + 1) // 2) + 1)), np.float32) / 255
    return _cropped(wider, 0.15)


def _centred(ink: np.ndarray) -> np.ndarray:
    """Ink of at most 20 x 20 -> (28, 28, 1), its centre of mass in the middle, in multiples of 1/255."""
    grey = np.round(ink * 255).astype(np.uint8)
    mass = grey.sum(dtype=np.float64)
    if not mass:
        raise InputError(BLANK)
    picture = np.zeros((SIZE, SIZE), np.uint8)
    place = []
    for axis, side in enumerate(grey.shape):
        centre = grey.sum(axis=1 - axis, dtype=np.float64) @ np.arange(side) / mass
        place.append(int(np.clip(np.floor(SIZE / 2 - centre + 0.5), 0, SIZE - side)))
    down, across = place
    picture[down : down + grey.shape[0], across : across + grey.shape[1]] = grey
    table = (np.arange(256) / 255).astype(np.float32)
    return table[picture][..., None]
