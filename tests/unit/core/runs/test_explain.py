"""Each known error is found in a real message, whatever console it was saved from."""

from __future__ import annotations

import io
import json

import pytest

from core.cli.main import run
from core.runs.explain import explain, explain_lines, load_explanations
from core.runs.log_errors import find_error
from core.runs.log_text import read_log_stream

# (id, where the message comes from, the message). "run with that fault": see the recorded behaviour of sd-scripts.
REAL = [
    (
        "no-data",
        "sd-scripts train_network.py",
        "ERROR No data found. Please verify arguments (train_data_dir must be the parent of folders with images) / 画像がありません。引数指定を確認してください（train_data_dirには画像があるフォルダではなく、画像があるフォルダの親フォルダを指定する必要があります）",
    ),
    (
        "cuda-out-of-memory",
        "torch, c10/cuda/CUDACachingAllocator",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
    ),
    ("cuda-context", "torch, c10/cuda/CUDAException", "torch.AcceleratorError: CUDA error: device-side assert triggered"),
    ("no-space", "Python, ENOSPC", "OSError: [Errno 28] No space left on device"),
    (
        "unknown-option",
        "sd-scripts 48d368f, run with that fault",
        "train_network.py: error: unrecognized arguments: --no_such_option 1",
    ),
    (
        "bad-choice",
        "sd-scripts 48d368f, run with that fault",
        "error: argument --mixed_precision: invalid choice: 'fp99' (choose from 'no', 'fp16', 'bf16')",
    ),
    ("bad-type", "sd-scripts 48d368f, run with that fault", "error: argument --max_train_steps: invalid int value: 'four'"),
    (
        "optimizer-argument-unknown",
        "sd-scripts 48d368f, run with that fault",
        "TypeError: AdamW.__init__() got an unexpected keyword argument 'foo'",
    ),
    (
        "optimizer-argument-without-value",
        "sd-scripts 48d368f, run with that fault",
        "ValueError: not enough values to unpack (expected 2, got 1)",
    ),
    (
        "optimizer-argument-two-equals",
        "sd-scripts 48d368f, run with that fault",
        "ValueError: too many values to unpack (expected 2)",
    ),
    (
        "optimizer-argument-literal",
        "sd-scripts 48d368f, run with that fault",
        "ValueError: malformed node or string on line 1: <ast.Name object at 0x7f>",
    ),
    (
        "different-learning-rates",
        "sd-scripts 48d368f, run with that fault",
        "RuntimeError: Setting different lr values in different parameter groups is only supported for values of 0",
    ),
    (
        "unknown-optimizer",
        "sd-scripts 48d368f, run with that fault",
        "AttributeError: module 'torch.optim' has no attribute 'NoSuchOptimizer'",
    ),
    ("dadapt-full-path", "sd-scripts 48d368f, run with that fault", "ValueError: Unknown optimizer type: dadaptation.dadaptadam"),
    ("network-module-missing", "sd-scripts 48d368f, run with that fault", "ModuleNotFoundError: No module named 'networks.nope'"),
    ("package-missing", "sd-scripts 48d368f, run with that fault", "ModuleNotFoundError: No module named 'no_such_pkg'"),
    (
        "import-broken",
        "Python on Windows, error 126",
        "ImportError: DLL load failed while importing _C: The specified module could not be found.",
    ),
    (
        "unknown-scheduler",
        "sd-scripts 48d368f, run with that fault",
        "ValueError: nosuch is not a valid SchedulerType, please select one of ['linear']",
    ),
    (
        "constant-with-warmup",
        "sd-scripts 48d368f, run with that fault",
        "ValueError: SchedulerType.CONSTANT does not require `num_warmup_steps`. Set None or 0.",
    ),
    (
        "model-missing",
        "sd-scripts 48d368f, run with that fault",
        'ValueError: The provided pretrained_model_name_or_path "x" is neither a valid local path nor a valid repo id.',
    ),
    (
        "model-damaged",
        "safetensors 0.4.5, opening a shortened file",
        "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer",
    ),
    (
        "tokenizer-offline",
        "transformers 4.54.1, CLIPTokenizer.from_pretrained without network",
        "TypeError: expected str, bytes or os.PathLike object, not NoneType",
    ),
    (
        "offline",
        "huggingface_hub 0.34.3, file_download.py",
        "huggingface_hub.errors.LocalEntryNotFoundError: An error happened while trying to locate the file on the Hub and we cannot find the requested files in the local cache. Please check your connection and try again or make sure your Internet connection is on.",
    ),
    (
        "resume-missing",
        "sd-scripts 48d368f, run with that fault",
        "ValueError: Tried to find out/x-state but folder does not exist",
    ),
    ("output-folder", "Python, ENOTDIR", "NotADirectoryError: [Errno 20] Not a directory: '/a/b'"),
    ("permission", "Python, EACCES", "PermissionError: [Errno 13] Permission denied: '/a/b'"),
    ("image-damaged", "Pillow, ImageFile.load", "OSError: image file is truncated (12 bytes not processed)"),
    (
        "image-too-large",
        "sd-scripts library/train_util.py",
        "AssertionError: image too large, but cropping and bucketing are disabled / 画像サイズが大きいのでface_crop_aug_rangeかrandom_crop、またはbucketを有効にしてください: C:\\img\\1.png",
    ),
    (
        "dataset-config",
        "sd-scripts 48d368f, run with that fault",
        "voluptuous.error.MultipleInvalid: extra keys not allowed @ data['datasets'][0]['batch_sizee']",
    ),
    ("config-resolution", "sd-scripts 48d368f, run with that fault", "AttributeError: 'int' object has no attribute 'split'"),
    (
        "config-number-as-text",
        "sd-scripts 48d368f, run with that fault",
        "TypeError: unsupported operand type(s) for -: 'str' and 'int'",
    ),
    ("config-missing", "sd-scripts 48d368f, run with that fault", "INFO     C:/x/config.toml not found."),
    (
        "fp16-on-cpu",
        "sd-scripts 48d368f, run with that fault",
        "RuntimeError: expected m1 and m2 to have the same dtype, but got: c10::Half != float",
    ),
    ("cuda-missing", "torch 2.13.0+cpu, Tensor.cuda()", "AssertionError: Torch not compiled with CUDA enabled"),
    (
        "cuda-kernel",
        "torch, c10/cuda/CUDAException",
        "RuntimeError: CUDA error: no kernel image is available for execution on the device",
    ),
    (
        "console-encoding",
        "sd-scripts 48d368f, run with that fault",
        "UnicodeEncodeError: 'ascii' codec can't encode characters in position 19-22",
    ),
    ("killed-by-system", "accelerate, after the system killed its child", "Command … died with <Signals.SIGKILL: 9>."),
    ("nan-latents", "sd-scripts flux_train.py", "NaN found in latents, replacing with zeros"),
    (
        "bitsandbytes-kernel",
        "bmaltais/kohya_ss#93",
        "Error no kernel image is available for execution on the device at line 167 in file D:\\ai\\tool\\bitsandbytes\\csrc\\ops.cu",
    ),
    (
        "bitsandbytes-broken",
        "bitsandbytes 0.50.2, cextension.py",
        "bitsandbytes library load error: No compatible CUDA binary found at C:\\venv\\Lib\\site-packages\\bitsandbytes\\libbitsandbytes_cuda131.dll",
    ),
    (
        "bitsandbytes-broken",
        "bitsandbytes 0.50.2, cextension.py",
        "Attempted to use bitsandbytes native library functionality but it's not available.",
    ),
    ("bitsandbytes-broken", "bitsandbytes 0.35 on Windows", "TypeError: argument of type 'WindowsPath' is not iterable"),
    (
        "bitsandbytes-old",
        "sd-scripts library/train_util.py",
        "AttributeError: No PagedAdamW8bit. The version of bitsandbytes installed seems to be old. Please install 0.39.0 or later. / PagedAdamW8bitが定義されていません。インストールされているbitsandbytesのバージョンが古いようです。0.39.0以上をインストールしてください",
    ),
    (
        "package-missing",
        "sd-scripts library/train_util.py",
        "ImportError: No bitsandbytes / bitsandbytesがインストールされていないようです",
    ),
    (
        "package-missing",
        "sd-scripts library/train_util.py",
        "ImportError: No schedulefree / schedulefreeがインストールされていないようです",
    ),
    (
        "xformers-missing",
        "sd-scripts library/train_util.py",
        "ImportError: No xformers / xformersがインストールされていないようです",
    ),
    (
        "xformers-kernel",
        "kohya-ss/sd-scripts#412",
        "NotImplementedError: No operator found for `memory_efficient_attention_forward` with inputs:",
    ),
    (
        "triton-missing",
        "torch 2.13.0, torch/_inductor/exc.py",
        "torch._inductor.exc.TritonMissing: Cannot find a working triton installation. Either the package is not installed or it is too old. More information on installing Triton can be found at: https://github.com/triton-lang/triton",
    ),
    ("triton-missing", "Python, import", "ModuleNotFoundError: No module named 'triton'"),
    (
        "network-weights",
        "torch 2.13.0, load_state_dict, with the class of sd-scripts networks/lora.py",
        "RuntimeError: Error(s) in loading state_dict for LoRANetwork:\n\tsize mismatch for lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight: copying a param with shape torch.Size([8, 768]) from checkpoint, the shape in current model is torch.Size([16, 768]).",
    ),
    (
        "model-family",
        "kohya-ss/sd-scripts#761",
        "RuntimeError: Error(s) in loading state_dict for UNet2DConditionModel:\n\tsize mismatch for down_blocks.1.attentions.0.proj_in.weight: copying a param with shape torch.Size([640, 640]) from checkpoint, the shape in current model is torch.Size([640, 640, 1, 1]).",
    ),
    (
        "shapes-of-family",
        "torch 2.13.0, nn.Linear",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (77x768 and 2048x640)",
    ),
    ("nan-in-cache", "sd-scripts library/train_util.py", "RuntimeError: NaN detected in latents: C:\\img\\10_cat\\1.png"),
    (
        "model-not-safetensors",
        "safetensors 0.4.5, opening a web page",
        "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge",
    ),
    (
        "model-not-safetensors",
        "safetensors 0.4.5, opening other bytes",
        "safetensors_rust.SafetensorError: Error while deserializing header: InvalidHeaderDeserialization",
    ),
    (
        "model-pickle",
        "torch 2.13.0, torch.load of a git-lfs pointer",
        "_pickle.UnpicklingError: Weights only load failed. In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from `False` to `True`.",
    ),
    ("fp16-gradients", "torch 2.13.0, GradScaler.unscale_", "ValueError: Attempting to unscale FP16 gradients."),
    ("fp16-needs-gpu", "accelerate 1.6.0, accelerator.py", "ValueError: fp16 mixed precision requires a GPU (not 'cpu')."),
    (
        "bf16-unsupported",
        "accelerate 1.6.0, accelerator.py",
        "ValueError: bf16 mixed precision requires PyTorch >= 1.10 and a supported device.",
    ),
    (
        "schedulefree-mode",
        "schedulefree 1.4, AdamWScheduleFree.step",
        "Exception: Optimizer was not in train mode when step is called. Please insert .train() and .eval() calls on the optimizer. See documentation for details.",
    ),
    ("cudnn", "vladmandic/sdnext#1574", "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ("cudnn", "TheLastBen/PPS#17", "RuntimeError: Unable to find a valid cuDNN algorithm to run convolution"),
    (
        "cublas",
        "bmaltais/kohya_ss#1380",
        "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb, m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc)`",
    ),
    (
        "driver-old",
        "torch, torch/csrc/cuda/Module.cpp",
        "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver",
    ),
    ("gpu-number", "torch, c10/cuda/CUDAFunctions", "RuntimeError: CUDA error: invalid device ordinal"),
    (
        "page-file",
        "kohya-ss/sd-scripts#86",
        'OSError: [WinError 1455] The paging file is too small for this operation to complete. Error loading "C:\\Users\\NAME\\sd-scripts\\venv\\lib\\site-packages\\torch\\lib\\shm.dll" or one of its dependencies.',
    ),
    (
        "page-file",
        "Windows in Japanese, system message 1455",
        'OSError: [WinError 1455] ページング ファイルが小さすぎるため、この操作を完了できません。 Error loading "C:\\sd-scripts\\venv\\lib\\site-packages\\torch\\lib\\cublas64_11.dll" or one of its dependencies.',
    ),
    ("page-file", "bmaltais/kohya_ss#449", "OSError: [WinError 1455] 页面文件太小，无法完成操作。"),
    (
        "dll-torch",
        "Windows in Japanese, system message 126",
        'OSError: [WinError 126] 指定されたモジュールが見つかりません。 Error loading "C:\\sd-scripts\\venv\\lib\\site-packages\\torch\\lib\\fbgemm.dll" or one of its dependencies.',
    ),
    (
        "import-broken",
        "Windows in Japanese, system message 126",
        "ImportError: DLL load failed while importing _C: 指定されたモジュールが見つかりません。",
    ),
    (
        "omp-duplicate",
        "harry0703/MoneyPrinterTurbo#90",
        "OMP: Error #15: Initializing libiomp5md.dll, but found libiomp5md.dll already initialized.",
    ),
    (
        "numpy-2",
        "numpy 2.4.6, numpy/core/_multiarray_umath.py",
        "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.4.6 as it may crash. To support both 1.x and 2.x\nversions of NumPy, modules must be compiled with NumPy 2.0.\nImportError: numpy.core.multiarray failed to import",
    ),
    ("protobuf", "protobuf 4, google/protobuf/descriptor.py", "TypeError: Descriptors cannot not be created directly."),
    (
        "accelerate-command",
        "cmd.exe",
        "'accelerate' is not recognized as an internal or external command,\noperable program or batch file.",
    ),
    (
        "accelerate-command",
        "cmd.exe in Japanese",
        "'accelerate' は、内部コマンドまたは外部コマンド、\n操作可能なプログラムまたはバッチ ファイルとして認識されていません。",
    ),
    (
        "accelerate-config",
        "accelerate 1.6.0, commands/config/config_args.py",
        "FileNotFoundError: The passed configuration file `C:\\a\\default_config.yaml` does not exist. Please pass an existing file to `accelerate launch`, or use the default one created through `accelerate config` and run `accelerate launch` without the `--config_file` argument.",
    ),
    (
        "accelerate-config-keys",
        "accelerate 1.6.0, commands/config/config_args.py",
        "ValueError: The config file at C:\\a\\default_config.yaml had unknown keys (['enable_cpu_affinity']), please try upgrading your `accelerate` version or fix (and potentially remove) these keys from your config file.",
    ),
    (
        "workers",
        "torch 2.13.0, utils/data/dataloader.py",
        "RuntimeError: DataLoader worker (pid(s) 12345, 6789) exited unexpectedly",
    ),
    (
        "ram",
        "torch 2.13.0, c10/core/impl/alloc_cpu.cpp",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 281474976710656 bytes. Error code 12 (Cannot allocate memory)",
    ),
    ("nothing-to-train", "torch 2.13.0, torch.optim.Optimizer", "ValueError: optimizer got an empty parameter list"),
    (
        "no-gradient",
        "torch 2.13.0, Tensor.backward",
        "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
    ),
    ("toml-escape", "toml 0.10.2, loads", "toml.decoder.TomlDecodeError: Reserved escape sequence used (line 1 column 1 char 0)"),
    ("toml-syntax", "toml 0.10.2, loads", "toml.decoder.TomlDecodeError: Duplicate keys! (line 2 column 1 char 6)"),
    (
        "caption-encoding",
        "sd-scripts library/train_util.py",
        "ERROR    illegal char in file (not UTF-8) / ファイルにUTF-8以外の文字があります: C:\\img\\1.txt",
    ),
    (
        "caption-empty",
        "sd-scripts library/train_util.py",
        "AssertionError: caption file is empty / キャプションファイルが空です: C:\\img\\1.txt",
    ),
    (
        "cache-latents-augment",
        "sd-scripts train_network.py",
        "AssertionError: when caching latents, either color_aug or random_crop cannot be used / latentをキャッシュするときはcolor_augとrandom_cropは使えません",
    ),
    (
        "cache-text-shuffle",
        "sd-scripts sdxl_train_network.py",
        "AssertionError: when caching Text Encoder output, either caption_dropout_rate, shuffle_caption, token_warmup_step or caption_tag_dropout_rate cannot be used / Text Encoderの出力をキャッシュするときはcaption_dropout_rate, shuffle_caption, token_warmup_step, caption_tag_dropout_rateは使えません",
    ),
    (
        "bucket-steps",
        "sd-scripts library/train_util.py",
        "AssertionError: bucket_reso_steps is 16. it must be divisible by 32.\nbucket_reso_stepsが16です。32で割り切れる必要があります",
    ),
    (
        "bucket-range",
        "sd-scripts library/train_util.py",
        "AssertionError: min_bucket_reso must be equal or less than resolution / min_bucket_resoは最小解像度より大きくできません。解像度を大きくするかmin_bucket_resoを小さくしてください",
    ),
    (
        "fused-backward",
        "sd-scripts library/train_util.py",
        "AssertionError: fused_backward_pass currently only works with optimizer_type Adafactor / fused_backward_passは現在optimizer_type Adafactorでのみ機能します",
    ),
    (
        "model-not-found",
        "sd-scripts library/train_util.py",
        "ERROR    model is not found as a file or in Hugging Face, perhaps file name is wrong? / 指定したモデル名のファイル、またはHugging Faceのモデルが見つかりません。ファイル名が誤っているかもしれません: D:\\models\\x.safetensors",
    ),
    ("hub-access", "huggingface_hub 0.34.3, errors.py", "huggingface_hub.errors.GatedRepoError: 401 Client Error."),
    (
        "disk-full-on-save",
        "safetensors in Rust, on Windows in Japanese",
        'safetensors_rust.SafetensorError: Error while serializing: IoError(Os { code: 112, kind: StorageFull, message: "ディスクに十分な空き領域がありません。" })',
    ),
    ("no-space", "Windows in Japanese, system message 112", "OSError: [WinError 112] ディスクに十分な空き領域がありません。"),
    (
        "file-in-use",
        "Windows in Japanese, system message 32",
        "PermissionError: [WinError 32] プロセスはファイルにアクセスできません。別のプロセスが使用中です。: 'D:\\\\out\\\\last.safetensors'",
    ),
    (
        "file-in-use",
        "safetensors in Rust, on Windows in Japanese",
        'safetensors_rust.SafetensorError: Error while serializing: IoError(Os { code: 1224, kind: Uncategorized, message: "ユーザー マップ セクションで開いたファイルがあるので、要求した操作は実行できません。" })',
    ),
    (
        "permission",
        "Windows in Japanese, system message 5",
        "PermissionError: [WinError 5] アクセスが拒否されました。: 'C:\\\\Program Files\\\\x'",
    ),
    (
        "path-too-long",
        "Windows in Japanese, system message 206",
        "OSError: [WinError 206] ファイル名または拡張子が長すぎます。: 'D:\\\\a'",
    ),
    (
        "path-syntax",
        "Windows in Japanese, system message 123",
        "OSError: [WinError 123] ファイル名、ディレクトリ名、またはボリューム ラベルの構文が間違っています。: '\"D:\\\\data\"'",
    ),
    (
        "path-missing",
        "Windows in Japanese, system message 3",
        "FileNotFoundError: [WinError 3] 指定されたパスが見つかりません。: 'D:\\\\train\\\\img'",
    ),
    (
        "path-missing",
        "Windows in Japanese, system message 267",
        "NotADirectoryError: [WinError 267] ディレクトリ名が無効です。: 'D:\\\\train\\\\1.png'",
    ),
    (
        "output-folder",
        "Windows in Japanese, system message 3",
        "FileNotFoundError: [WinError 3] 指定されたパスが見つかりません。: 'D:\\\\out\\\\last.safetensors'",
    ),
    ("dtype-mixed", "torch 2.13.0, conv2d of a half weight", "RuntimeError: expected scalar type Float but found Half"),
    (
        "dtype-mixed",
        "torch 2.13.0, linear of a bfloat16 weight",
        "RuntimeError: expected m1 and m2 to have the same dtype, but got: float != c10::BFloat16",
    ),
    (
        "optimizer-argument-unknown",
        "torch 2.13.0, AdamW",
        "TypeError: AdamW.__init__() got an unexpected keyword argument 'decouple'",
    ),
]

TRACEBACK = 'Traceback (most recent call last):\n  File "train_network.py", line 1, in <module>\n    x()\n'


def test_every_explanation_has_a_real_message_with_its_origin() -> None:
    assert {known.id for known in load_explanations()} == {name for name, _, _ in REAL}
    assert all(origin for _, origin, _ in REAL)


@pytest.mark.parametrize(("name", "message"), [(name, message) for name, _, message in REAL])
def test_a_real_message_is_explained_by_its_own_entry(name: str, message: str) -> None:
    lines = (TRACEBACK + message).splitlines()
    found = explain_lines(find_error(lines) or message.splitlines()[0], lines)
    assert found is not None
    assert found.id == name
    assert all(text.en and text.ja and "{" not in text.en + text.ja for text in (found.meaning, found.advice))


def test_unknown_errors_get_no_made_up_explanation() -> None:
    assert explain("ZeroDivisionError: division by zero", ["ordinary line"]) is None


def test_the_error_itself_counts_before_what_was_said_earlier() -> None:
    found = explain_lines("ImportError: No xformers / xformers", ["CUDA out of memory, trying again"])
    assert found is not None
    assert found.id == "xformers-missing"


def test_a_path_beyond_the_limit_of_windows_is_told_from_one_that_is_missing() -> None:
    long = "D:" + "\\\\".join(["folder"] * 50)
    found = explain_lines(f"FileNotFoundError: [WinError 3] 指定されたパスが見つかりません。: '{long}'")
    assert found is not None
    assert found.id == "path-too-long"


PAGE_FILE = next(message for name, origin, message in REAL if name == "page-file" and "Japanese" in origin)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp932"])
def test_any_encoding_of_a_console_is_read(encoding: str) -> None:
    log = "steps:   0%|          | 0/10 [00:00<?, ?it/s]\r\n" + TRACEBACK + PAGE_FILE + "\r\n"
    lines = read_log_stream(io.BytesIO(log.encode(encoding)))
    assert PAGE_FILE in lines
    assert find_error(lines) == PAGE_FILE


def test_a_log_in_two_encodings_and_with_stray_bytes_is_read() -> None:
    log = "学習開始\n".encode() + b"\xff\xfe\xff\n" + PAGE_FILE.encode("cp932") + b"\n"
    lines = read_log_stream(io.BytesIO(log))
    assert lines[0] == "学習開始"
    assert find_error(lines) == PAGE_FILE


def test_of_a_huge_log_the_end_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.runs.log_text.LONGEST", 10_000)
    log = b"ordinary line\n" * 200_000 + PAGE_FILE.encode() + b"\n"
    lines = read_log_stream(io.BytesIO(log))
    assert lines[0] == "ordinary line"
    assert find_error(lines) == PAGE_FILE
    assert len(lines) < 1000


def test_a_traceback_in_a_box_before_the_launchers_is_kept() -> None:
    lines = [
        *TRACEBACK.splitlines(),
        "OSError: [WinError 126] x",
        "╭───────── Traceback (most recent call last) ─────────╮",
        "│ accelerate\\commands\\launch.py:923 in simple_launcher │",
        "╰─────────────────────────────────────────────────────╯",
        "CalledProcessError: Command '['python', '--wandb_api_key', 'secret']' returned non-zero exit status 1.",
    ]
    assert find_error(lines) == "OSError: [WinError 126] x"


def test_the_verb_explains_standard_input_and_files(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path_factory.mktemp("explain") / "log.txt"
    log.write_bytes((TRACEBACK + PAGE_FILE).encode("cp932"))
    monkeypatch.setenv("CADDIE_LANGUAGE", "ja")
    assert run(["explain", str(log)]) == 0
    said = capsys.readouterr().out
    assert PAGE_FILE in said
    assert "ページングファイル" in said
    log.write_text("all is well\nValueError: of my own\n", encoding="utf-8")
    assert run(["explain", str(log), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["known"] is False
    assert answer["line"] == "ValueError: of my own"
    assert run(["explain", str(log.with_name("no.txt"))]) == 1


def test_the_verb_never_shows_a_key(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said = b"error: unrecognized arguments: --wandb_api_key SECRET\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(said)))
    run(["explain", "-", "--json"])
    assert "SECRET" not in capsys.readouterr().out
