"""Which image generator a file names, by the fields that each one is known to write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from assay.metadata import Fact

_BY_FIELD = (
    (
        "PNG parameters",
        r"\bSteps: \d+",
        "Stable Diffusion (parameters as AUTOMATIC1111 writes them)",
    ),
    (
        "EXIF UserComment",
        r"\bSteps: \d+, Sampler: ",
        "Stable Diffusion (parameters as AUTOMATIC1111 writes them)",
    ),
    ("PNG parameters", r'"sui_image_params"', "SwarmUI"),
    ("EXIF UserComment", r'"sui_image_params"', "SwarmUI"),
    ("PNG prompt", r'"class_type"', "ComfyUI"),
    ("PNG workflow", r'"nodes"', "ComfyUI"),
    # ComfyUI's WebP writer borrows the tags of the camera.
    ("EXIF (Make|Model|ImageDescription)", r"^(prompt|workflow): ?\{", "ComfyUI"),
    ("PNG (Dream|sd-metadata|invokeai_\\w+)", r"", "InvokeAI"),
    ("PNG fooocus_scheme", r"", "Fooocus"),
    ("PNG Description", r"\bJob ID: [0-9a-f-]{36}", "Midjourney"),
    ("(PNG|XMP TC260:)\\s?AIGC", r"", "one that labels its images as AI-generated (AIGC)"),
)
"""Field, a pattern in its text, generator: what programs that read prompts back look for."""
_NAMES = re.compile(
    r"\b(Midjourney|DALL.?E|OpenAI|ChatGPT|GPT-4o|Adobe Firefly|Stable ?Diffusion|"
    r"SDXL|DreamStudio|NovelAI|ComfyUI|InvokeAI|Fooocus|SwarmUI|Draw Things|Ideogram|Leonardo\.?Ai|"
    r"(?:Made|Edited|Created) with Google AI|Google (?:AI|Imagen|Gemini)|Bing Image Creator|"
    r"Microsoft Designer|Meta AI|xAI Grok|Recraft|Krea\.?AI|Playground AI|FLUX\.\d|"
    r"Black Forest Labs|Seedream|Dreamina|Qwen-Image|Hunyuan)\b",
    re.IGNORECASE,
)
_NAMING_FIELDS = re.compile(
    r"(PNG (Software|Source|Author|Title|Comment)|EXIF (Software|Artist|"
    r"ProcessingSoftware)|XMP (xmp:CreatorTool|tiff:Software|photoshop:(Credit|Source)|dc:creator|"
    r"Iptc4xmpExt:AISystemUsed|xmpMM:History)|JPEG comment|claim generator|signed by|"
    r"(earlier )?claimed action)$"
)
"""Fields that name programs and authors. A description that mentions a generator names none, and
names that are words as well (imagen is Spanish for image) count with their maker's alone."""
_MOST = 3


def facts(stated: Sequence[Fact]) -> tuple[Fact, ...]:
    """A fact "generator" for each that ``stated`` facts name, with the field that names it."""
    named = dict.fromkeys(generator for generator in _named(stated))
    return tuple(("generator", name) for name in list(named)[:_MOST])


def _named(stated: Sequence[Fact]) -> Iterator[str]:
    for field, text in stated:
        for name, pattern, generator in _BY_FIELD:
            if re.fullmatch(name, field) and re.search(pattern, text):
                yield f"{generator}, according to {field}"
        if _NAMING_FIELDS.match(field) and (match := _NAMES.search(text)):
            yield f"{match.group()}, according to {field}"
