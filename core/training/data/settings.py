"""What a job says about its images: the values that sd-scripts' options give to every dataset and subset.

A dataset has one resolution and one batch size; its subsets are folders with what is done to their images and captions.
Names and defaults are sd-scripts' (library/train_util.py, add_dataset_arguments; library/config_util.py, the Params
classes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, cast, get_args

from core.text import Text
from core.training.options import OptionReader

Interpolation = Literal["lanczos", "nearest", "bilinear", "linear", "bicubic", "cubic", "area"]
INTERPOLATIONS: Final[tuple[Interpolation, ...]] = get_args(Interpolation)
Size = tuple[int, int]
"""Width and height in pixels."""

TOKEN_LENGTHS: Final = (75, 150, 225)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetSettings:
    """One folder of images and what is done to them. The attributes are sd-scripts' options of the same names.

    Attributes:
        image_dir: the folder.
        conditioning_data_dir: a folder of masks with the images' names; "" for none.
        metadata_file: a file that names the images and their captions; "" for caption files beside the images. Only for counting.
        class_tokens: the caption of images without a caption file; None where nothing is said.
        is_reg: regularization images, weighted by the dataset's prior_loss_weight.
        resize_interpolation: None for the dataset's.
    """

    image_dir: str = ""
    conditioning_data_dir: str = ""
    metadata_file: str = ""
    is_reg: bool = False
    class_tokens: str | None = None
    caption_extension: str = ".caption"
    num_repeats: int = 1
    alpha_mask: bool = False
    shuffle_caption: bool = False
    caption_separator: str = ","
    keep_tokens: int = 0
    keep_tokens_separator: str = ""
    secondary_separator: str = ""
    enable_wildcard: bool = False
    caption_prefix: str = ""
    caption_suffix: str = ""
    caption_dropout_rate: float = 0.0
    caption_dropout_every_n_epochs: int = 0
    caption_tag_dropout_rate: float = 0.0
    token_warmup_min: int = 1
    token_warmup_step: float = 0.0
    color_aug: bool = False
    flip_aug: bool = False
    random_crop: bool = False
    resize_interpolation: Interpolation | None = None

    @property
    def source(self) -> str:
        """What says which images there are, and tells two subsets apart: the metadata file, else the folder."""
        return self.metadata_file or self.image_dir

    @property
    def changes_captions(self) -> bool:
        """Whether a caption differs from step to step, so that what the text encoders make of it cannot be kept."""
        rates = self.caption_dropout_rate, self.caption_dropout_every_n_epochs, self.caption_tag_dropout_rate
        return self.shuffle_caption or self.enable_wildcard or max(*rates, self.token_warmup_step) > 0

    @property
    def changes_pixels(self) -> bool:
        """Whether an image differs from step to step (flips aside), so that its latents cannot be kept."""
        return self.color_aug or self.random_crop


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSettings:
    """Images that share a resolution and a batch size. The attributes are sd-scripts' options of the same names.

    Attributes:
        resolution: width and height; None where the job does not say.
        batch_size: `train_batch_size`.
        validation_split: share of the images that is held out, 0 to 1.
        validation_seed: of that choice; None for the training's seed.
    """

    resolution: Size | None = None
    batch_size: int = 1
    enable_bucket: bool = False
    min_bucket_reso: int = 256
    max_bucket_reso: int = 1024
    bucket_reso_steps: int = 64
    bucket_no_upscale: bool = False
    prior_loss_weight: float = 1.0
    validation_split: float = 0.0
    validation_seed: int | None = None
    resize_interpolation: Interpolation | None = None
    subsets: tuple[SubsetSettings, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """All that a job says about its data.

    Attributes:
        train_data_dir, reg_data_dir: folders that hold `<repeats>_<name>` folders; "" for none.
        dataset_config: a TOML or JSON file that says it in more detail; "" for none.
        base: what relative folders in that file start from; "" for the process's own folder.
        dataset: what holds for each dataset that says nothing else; without subsets.
        subset: the same for each subset; without a folder.
        masked_loss: masks from `conditioning_data_dir` may be used.
        cache_latents, cache_latents_to_disk: latents are kept, in memory or beside the images.
        vae_batch_size: images that the VAE encodes at once while caching.
        cache_text, cache_text_to_disk: the same for what the text encoders make of the captions (SDXL).
        max_token_length: tokens per caption, None for 75.
        weighted_captions: captions may say (word:1.2).
    """

    train_data_dir: str = ""
    reg_data_dir: str = ""
    dataset_config: str = ""
    base: str = ""
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    subset: SubsetSettings = field(default_factory=SubsetSettings)
    masked_loss: bool = False
    cache_latents: bool = False
    cache_latents_to_disk: bool = False
    vae_batch_size: int = 1
    cache_text: bool = False
    cache_text_to_disk: bool = False
    max_token_length: int | None = None
    weighted_captions: bool = False

    @property
    def caches_latents(self) -> bool:
        """Whether latents are kept, wherever."""
        return self.cache_latents or self.cache_latents_to_disk

    @property
    def caches_text(self) -> bool:
        """Whether what the text encoders say is kept, wherever."""
        return self.cache_text or self.cache_text_to_disk


def read_settings(options: OptionReader) -> DataSettings:
    """Takes what a job says about its data. Looks at no file."""
    # `cache_info` saves sd-scripts from reading captions and sizes again; reading them again finds what has changed.
    options.ignore("cache_info")
    to_disk = options.flag("cache_latents_to_disk")
    text_to_disk = options.flag("cache_text_encoder_outputs_to_disk")
    return DataSettings(
        train_data_dir=options.text("train_data_dir"),
        reg_data_dir=options.text("reg_data_dir"),
        dataset_config=options.text("dataset_config"),
        dataset=_read_dataset(options),
        subset=_read_subset(options),
        masked_loss=options.flag("masked_loss"),
        # to_disk implies caching, as sd-scripts has it (verify_training_args).
        cache_latents=options.flag("cache_latents") or to_disk,
        cache_latents_to_disk=to_disk,
        vae_batch_size=options.integer("vae_batch_size", 1, least=1),
        cache_text=options.flag("cache_text_encoder_outputs") or text_to_disk,
        cache_text_to_disk=text_to_disk,
        max_token_length=_read_token_length(options),
        weighted_captions=options.flag("weighted_captions"),
    )


def _read_dataset(options: OptionReader) -> DatasetSettings:
    return DatasetSettings(
        resolution=_read_resolution(options),
        batch_size=options.integer("train_batch_size", 1, least=1),
        enable_bucket=options.flag("enable_bucket"),
        min_bucket_reso=options.integer("min_bucket_reso", 256, least=1),
        max_bucket_reso=options.integer("max_bucket_reso", 1024, least=1),
        bucket_reso_steps=options.integer("bucket_reso_steps", 64, least=8),
        bucket_no_upscale=options.flag("bucket_no_upscale"),
        prior_loss_weight=options.number("prior_loss_weight", 1.0, least=0.0),
        validation_split=options.number("validation_split", 0.0, least=0.0),
        validation_seed=options.maybe_integer("validation_seed"),
        resize_interpolation=_read_interpolation(options),
    )


def _read_subset(options: OptionReader) -> SubsetSettings:
    old_name, extension = options.text("caption_extention"), options.text("caption_extension", ".caption")
    return SubsetSettings(
        caption_extension=with_dot(old_name or extension),
        num_repeats=options.integer("dataset_repeats", 1),
        alpha_mask=options.flag("alpha_mask"),
        shuffle_caption=options.flag("shuffle_caption"),
        caption_separator=options.text("caption_separator", ",") or ",",
        keep_tokens=options.integer("keep_tokens", 0, least=0),
        keep_tokens_separator=options.text("keep_tokens_separator"),
        secondary_separator=options.text("secondary_separator"),
        enable_wildcard=options.flag("enable_wildcard"),
        caption_prefix=options.text("caption_prefix"),
        caption_suffix=options.text("caption_suffix"),
        caption_dropout_rate=options.number("caption_dropout_rate", 0.0, least=0.0),
        caption_dropout_every_n_epochs=options.integer("caption_dropout_every_n_epochs", 0, least=0),
        caption_tag_dropout_rate=options.number("caption_tag_dropout_rate", 0.0, least=0.0),
        token_warmup_min=options.integer("token_warmup_min", 1, least=0),
        token_warmup_step=options.number("token_warmup_step", 0.0, least=0.0),
        color_aug=options.flag("color_aug"),
        flip_aug=options.flag("flip_aug"),
        random_crop=options.flag("random_crop"),
    )


def _read_resolution(options: OptionReader) -> Size | None:
    """`resolution` is "size" or "width,height"; a number stands for a square, which sd-scripts' config files cannot say."""
    value = options.value("resolution")
    if value is None:
        return None
    words = str(value).split(",") if isinstance(value, str | int) and not isinstance(value, bool) else []
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < 1:
        options.refuse(
            "resolution", value, Text('is not "size" or "width,height"', "は「サイズ」または「幅,高さ」の形ではありません")
        )
        return None
    return numbers[0], numbers[-1]


def _read_interpolation(options: OptionReader) -> Interpolation | None:
    if not options.text("resize_interpolation"):
        return None
    return cast("Interpolation", options.word("resize_interpolation", INTERPOLATIONS, "area"))


def _read_token_length(options: OptionReader) -> int | None:
    length = options.maybe_integer("max_token_length")
    if length is not None and length not in TOKEN_LENGTHS:
        options.refuse("max_token_length", length, Text("is none of: 75, 150, 225", "は次のいずれでもありません: 75, 150, 225"))
        return None
    return None if length == 75 else length


def with_dot(extension: str) -> str:
    """`txt` and `.txt` name the same files."""
    return extension if not extension or extension.startswith(".") else f".{extension}"
