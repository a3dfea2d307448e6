from __future__ import annotations

import pytest

from assay.metadata import generators

NAMED = {
    "Stable Diffusion (parameters": ("PNG parameters", "a harbour\nSteps: 20, Sampler: Euler a"),
    "Stable Diffusion": ("EXIF UserComment", "a harbour Steps: 20, Sampler: Euler a, CFG scale: 7"),
    "SwarmUI": ("PNG parameters", '{"sui_image_params": {}}'),
    "ComfyUI": ("PNG prompt", '{"3": {"class_type": "KSampler"}}'),
    "ComfyUI, according to PNG workflow": ("PNG workflow", '{"nodes": []}'),
    "ComfyUI, according to EXIF Make": ("EXIF Make", 'workflow:{"nodes": []}'),
    "InvokeAI": ("PNG invokeai_metadata", "{}"),
    "InvokeAI, according to PNG sd-metadata": ("PNG sd-metadata", "{}"),
    "InvokeAI, according to PNG Dream": ("PNG Dream", "a harbour -s 50"),
    "NovelAI": ("PNG Software", "NovelAI"),
    "Fooocus": ("PNG fooocus_scheme", "fooocus"),
    "Midjourney": ("PNG Description", "harbour Job ID: 01234567-89ab-cdef-0123-456789abcdef"),
    "Made with Google AI": ("XMP photoshop:Credit", "Made with Google AI"),
    "Adobe Firefly": ("XMP xmp:CreatorTool", "Adobe Firefly 3"),
    "DALL·E": ("claim generator", "DALL·E 3"),
    "one that labels its images": ("XMP TC260:AIGC", '{"Label": "1"}'),
}


@pytest.mark.parametrize(("name", "fact"), NAMED.items(), ids=NAMED)
def test_generator_is_named(name: str, fact: tuple[str, str]) -> None:
    ((kind, value),) = generators.facts([fact])
    assert kind == "generator"
    assert value.startswith(name)
    assert value.endswith(fact[0])


@pytest.mark.parametrize(
    "fact",
    [
        ("EXIF Software", "Adobe Photoshop CS3 Windows"),
        ("PNG Software", "Matplotlib version 3.9"),
        ("EXIF ImageDescription", "People in front of the office of OpenAI"),
        ("PNG prompt", "what the user typed"),
        ("PNG Comment", "Created with GIMP"),
        ("EXIF Make", "Canon"),
    ],
)
def test_other_programs_and_mentions_are_none(fact: tuple[str, str]) -> None:
    assert generators.facts([fact]) == ()


def test_a_few_are_named_once_each() -> None:
    stated = [("PNG Software", "NovelAI")] * 5
    stated += [("PNG Dream", ""), ("PNG invokeai_graph", ""), ("PNG fooocus_scheme", "")]
    assert len(generators.facts(stated)) == 3
