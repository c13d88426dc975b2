"""Vary line images for training: geometry, ink, tone and masks.

Usage: ``augment(with_context(grey, strip), np.random.default_rng(1), Augmentation())``
"""

from __future__ import annotations

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from inkread.recognition.line_images import ABOVE, BESIDE, HEIGHT, Grey
from inkread.synthesis.ink import smooth_noise

Range = tuple[float, float]


class Augmentation(BaseModel):
    """How strongly training lines are varied. Pixels are those of a line image 48 rows high.

    Normal variations are given by their standard deviation; the limits keep the text in the picture.

    Attributes:
        zoom, zoom_limits: of the size, as a factor: hands and bands differ.
        stretch, stretch_limit: of the width alone, as a natural logarithm: writing is narrow or wide.
        ends: shift of both ends outwards and inwards, as a share of the context of 4 columns: cuts are inexact.
        rotation: degrees; less in lines of more than 400 columns, which would leave the picture.
        slant: columns for each row: from upright to leaning hands.
        shift, shift_limit: up and down, as a share of the height: baselines are inexact.
        wave: rows by which the baseline may swing within some 90 columns.
        unevenness: columns by which the spacing may vary within some 30 columns.
        wobbly: share of the lines whose strokes are bent.
        wobble: pixels by which they are bent within some 16 pixels, from and to.
        thickened: share of the lines whose strokes are made thicker or thinner by a pixel.
        thicker: share of these that are made thicker.
        blurred: share of the lines that are blurred.
        blur: standard deviation of the blur in pixels, from and to.
        toned: share of the lines whose gamma, contrast and brightness vary.
        gamma: natural logarithm of the exponent of the grey values.
        contrast: factor, from and to.
        brightness: grey levels.
        shaded: share of the lines with shadows some 120 pixels wide.
        shade: grey levels of these, from and to.
        noisy: share of the lines with noise.
        noise: standard deviation of it in grey levels, from and to.
        masked: share of the lines in which spans are hidden, so that context has to help.
        mask_every: columns for each hidden span in these lines.
        view_mask_every: columns for each hidden span, on average, where a line is shown in several views.
        mask: width of a hidden span in columns, from and to, the latter excluded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    zoom: float = Field(0.07, ge=0)
    zoom_limits: Range = (0.85, 1.15)
    stretch: float = Field(0.12, ge=0)
    stretch_limit: float = Field(0.3, ge=0)
    ends: Range = (-1.0, 0.7)
    rotation: float = Field(0.5, ge=0)
    slant: float = Field(0.17, ge=0)
    shift: float = Field(0.03, ge=0)
    shift_limit: float = Field(0.07, ge=0)
    wave: float = Field(1.2, ge=0)
    unevenness: float = Field(3.0, ge=0)
    wobbly: float = Field(0.6, ge=0, le=1)
    wobble: Range = (0.3, 1.8)
    thickened: float = Field(0.3, ge=0, le=1)
    thicker: float = Field(0.6, ge=0, le=1)
    blurred: float = Field(0.25, ge=0, le=1)
    blur: Range = (0.4, 1.1)
    toned: float = Field(0.7, ge=0, le=1)
    gamma: float = Field(0.25, ge=0)
    contrast: Range = (0.6, 1.25)
    brightness: float = Field(20.0, ge=0)
    shaded: float = Field(0.3, ge=0, le=1)
    shade: Range = (3.0, 25.0)
    noisy: float = Field(0.4, ge=0, le=1)
    noise: Range = (1.0, 10.0)
    masked: float = Field(0.3, ge=0, le=1)
    mask_every: int = Field(250, ge=1)
    view_mask_every: int = Field(80, ge=1)
    mask: tuple[int, int] = (3, 14)


def augment(context: Grey, rng: np.random.Generator, settings: Augmentation) -> Grey:
    """A varied line image, uint8 [48, width], out of one with context, uint8 [65, width]."""
    image = _vary(_warp(context, rng, settings), rng, settings)
    if rng.random() >= settings.masked:
        return image
    return _mask(image, rng, 1 + image.shape[1] // settings.mask_every, settings)


def augmented_views(context: Grey, rng: np.random.Generator, views: int, settings: Augmentation) -> list[Grey]:
    """Images of one shape that show the same line in other ink and masked elsewhere, a tenth of it in each."""
    warped = _warp(context, rng, settings)
    return [
        _mask(_vary(warped, rng, settings), rng, int(rng.poisson(warped.shape[1] / settings.view_mask_every)), settings)
        for _ in range(views)
    ]


def _vary(image: Grey, rng: np.random.Generator, settings: Augmentation) -> Grey:
    if rng.random() < settings.thickened:
        kernel = np.ones((2, 2) if rng.random() < 0.5 else (1, 2), np.uint8)
        change = cv2.erode if rng.random() < settings.thicker else cv2.dilate
        image = np.asarray(change(image, kernel), np.uint8)
    if rng.random() < settings.blurred:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(*settings.blur)), np.uint8)
    return _tone(image, rng, settings)


def _warp(context: Grey, rng: np.random.Generator, settings: Augmentation) -> Grey:
    columns = context.shape[1]
    zoom = float(np.clip(rng.normal(1, settings.zoom), *settings.zoom_limits))
    limit = settings.stretch_limit
    stretch = float(np.exp(np.clip(rng.normal(0, settings.stretch), -limit, limit))) * zoom
    left, right = BESIDE + rng.uniform(*settings.ends, 2) * BESIDE
    width = max(round((columns - left - right) / stretch), 16)
    y, x = np.mgrid[:HEIGHT, :width].astype(np.float32)
    middle = HEIGHT / 2
    slope = np.tan(np.radians(rng.normal(0, settings.rotation))) * min(1.0, 400 / width)
    slant = rng.normal(0, settings.slant)
    shift = np.clip(rng.normal(0, settings.shift), -settings.shift_limit, settings.shift_limit)
    source_y = (y - middle) * zoom + ABOVE + middle + HEIGHT * shift
    source_y += slope * (x - width / 2) + rng.uniform(0, settings.wave) * smooth_noise(rng, (1, width), 90.0)
    source_x = x * stretch + left + slant * (y - middle)
    source_x += rng.uniform(0, settings.unevenness) * smooth_noise(rng, (1, width), 30.0)
    if rng.random() < settings.wobbly:
        source_x += rng.uniform(*settings.wobble) * smooth_noise(rng, (HEIGHT, width), 16.0)
        source_y += rng.uniform(*settings.wobble) * smooth_noise(rng, (HEIGHT, width), 16.0)
    warped = cv2.remap(
        context,
        source_x.astype(np.float32),
        source_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)


def _tone(image: Grey, rng: np.random.Generator, settings: Augmentation) -> Grey:
    grey = image.astype(np.float32)
    if rng.random() < settings.toned:
        grey = np.float32(255) * (grey / np.float32(255)) ** np.float32(np.exp(rng.normal(0, settings.gamma)))
        grey = (grey - 128) * rng.uniform(*settings.contrast) + 128 + rng.normal(0, settings.brightness)
    if rng.random() < settings.shaded:
        grey += rng.uniform(*settings.shade) * smooth_noise(rng, (image.shape[0], image.shape[1]), 120.0)
    if rng.random() < settings.noisy:
        grey += rng.uniform(*settings.noise) * rng.standard_normal(grey.shape, np.float32)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _mask(image: Grey, rng: np.random.Generator, spans: int, settings: Augmentation) -> Grey:
    masked = image.copy()
    for start in rng.integers(image.shape[1], size=spans):
        masked[:, start : start + int(rng.integers(*settings.mask))] = int(np.median(image))
    return masked
