"""DIR on S3, GCS or Azure. A put of an object store is atomic by itself."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import IO, Any, Protocol

import google.api_core.exceptions
import obstore
from google.cloud import storage

from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.errors import (
    BOTO_ERRORS,
    GOOGLE_ERRORS,
    OBSTORE_ERRORS,
    from_boto,
    from_google,
    from_obstore,
)
from mirrorfold.transforms.stores.gcs import RETRY
from mirrorfold.transforms.stores.gcs_client import gcs_access
from mirrorfold.transforms.stores.output import OutputStore
from mirrorfold.transforms.stores.ranged import RangedFile
from mirrorfold.transforms.stores.s3_client import s3_access


class Files(Protocol):
    """Whole objects of one bucket below a prefix; what is absent is a `FileNotFoundError`."""

    def put(self, path: str, data: bytes) -> None: ...
    def get(self, path: str) -> bytes: ...
    def get_part(self, path: str, start: int, stop: int) -> bytes: ...
    def size(self, path: str) -> int: ...
    def exists(self, path: str) -> bool: ...
    def list(self, prefix: str) -> list[str]: ...
    def delete(self, path: str) -> None: ...
    def put_if(self, path: str, data: bytes, tag: str | None) -> str | None: ...
    def get_tagged(self, path: str) -> tuple[bytes, str]: ...


class CloudOutput(OutputStore):
    """DIR under `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.

    Raises:
      StoreError: from every call, where the bucket is denied, absent or doesn't answer.
    """

    def __init__(self, url: str):
        scheme, _, rest = url.partition("://")
        bucket, _, prefix = rest.strip("/").partition("/")
        self._url = f"{scheme}://{rest.strip('/')}"
        kinds: dict[str, Callable[[str, str], Files]] = {"s3": S3Files, "gs": GcsFiles, "az": AzureFiles}
        self._files: Files = kinds[scheme](bucket, prefix)

    def put(self, path: str, data: bytes) -> None:
        self._files.put(_inside(path), data)

    def get(self, path: str) -> bytes:
        return self._files.get(_inside(path))

    def open(self, path: str) -> IO[bytes]:
        # Our files are shards of some tens of MB; what reads a part of one says so.
        return io.BytesIO(self.get(path))

    def open_part(self, path: str) -> IO[bytes]:
        name = _inside(path)
        found: Any = RangedFile(self._files.size(name), lambda start, stop: self._files.get_part(name, start, stop))
        return found

    def size(self, path: str) -> int:
        return self._files.size(_inside(path))

    def exists(self, path: str) -> bool:
        return self._files.exists(_inside(path))

    def list(self, prefix: str = "") -> list[str]:
        return self._files.list(prefix)

    def delete(self, path: str) -> None:
        self._files.delete(_inside(path))

    def put_if(self, path: str, data: bytes, tag: str | None) -> str | None:
        """Write a file only where the state that `tag` names stands, or nothing where it is None.

        Returns:
          The tag of what was written; None where something else stands. A repeated request may not know its own write:
          read the file to tell. A store that ignores conditions always writes.
        """
        return self._files.put_if(_inside(path), data, tag)

    def get_tagged(self, path: str) -> tuple[bytes, str]:
        """Read a file, and the tag of its state; `FileNotFoundError` where there is none."""
        return self._files.get_tagged(_inside(path))

    def url(self, path: str = "") -> str:
        return f"{self._url}/{_inside(path)}" if path else self._url


_NO_BUCKET = StoreError("vanished", "the output's bucket doesn't exist: create it first")


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"path outside the output folder: {path!r}")
    return path


class ObstoreFiles:
    """Files of one of obstore's stores."""

    def __init__(self, store: Any):
        self._store = store

    def put(self, path: str, data: bytes) -> None:
        _ask(lambda: obstore.put(self._store, path, data))

    def get(self, path: str) -> bytes:
        return _ask(lambda: obstore.get(self._store, path).bytes().to_bytes())

    def get_part(self, path: str, start: int, stop: int) -> bytes:
        return bytes(_ask(lambda: obstore.get_range(self._store, path, start=start, end=stop)))

    def size(self, path: str) -> int:
        return _ask(lambda: obstore.head(self._store, path))["size"]

    def exists(self, path: str) -> bool:
        try:
            self.size(path)
        except FileNotFoundError:
            return False
        return True

    def list(self, prefix: str) -> list[str]:
        pages = obstore.list(self._store, prefix=prefix or None)
        return _ask(lambda: [found["path"] for page in pages for found in page])

    def delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            _ask(lambda: obstore.delete(self._store, path))

    def put_if(self, path: str, data: bytes, tag: str | None) -> str | None:
        mode: Any = "create" if tag is None else {"e_tag": tag}
        try:
            found = obstore.put(self._store, path, data, mode=mode, use_multipart=False)
        except (obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError):
            return None
        except FileNotFoundError:
            return None if tag else _ask(lambda: obstore.put(self._store, path, data))["e_tag"]
        except OBSTORE_ERRORS as error:
            raise from_obstore(error) from error
        return found["e_tag"] or ""

    def get_tagged(self, path: str) -> tuple[bytes, str]:
        found = _ask(lambda: obstore.get(self._store, path))
        return found.bytes().to_bytes(), found.meta["e_tag"] or ""


def _ask(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except FileNotFoundError as error:
        if "<Code>NoSuchBucket</Code>" in str(error) or "<Code>ContainerNotFound</Code>" in str(error):
            raise _NO_BUCKET from error
        raise
    except OBSTORE_ERRORS as error:
        raise from_obstore(error) from error


class S3Files(ObstoreFiles):
    """Files on S3."""

    def __init__(self, bucket: str, prefix: str):
        try:
            access = s3_access(SourceSpec(library="output", kind="live", store="s3", bucket=bucket))
        except BOTO_ERRORS as error:
            raise from_boto(error) from error
        super().__init__(access.byte_store(bucket, prefix=prefix or None))


class AzureFiles(ObstoreFiles):
    """Files on Azure Blob."""

    def __init__(self, container: str, prefix: str):
        from mirrorfold.transforms.stores.azure_client import azure_access

        access = azure_access(SourceSpec(library="output", kind="live", store="az", bucket=container))
        super().__init__(access.byte_store(container, prefix=prefix or None))


class GcsFiles:
    """Files on GCS, through its SDK: emulators know the JSON API alone."""

    def __init__(self, bucket: str, prefix: str):
        access = gcs_access(SourceSpec(library="output", kind="live", store="gs", bucket=bucket), write=True)
        client = storage.Client(
            project=access.project or "none",
            credentials=access.usable_credentials,
            client_options={"api_endpoint": access.endpoint},
        )
        self._bucket = client.bucket(bucket)
        self._prefix = f"{prefix}/" if prefix else ""

    def put(self, path: str, data: bytes) -> None:
        blob = self._bucket.blob(self._prefix + path)
        # Every put writes the same bytes when repeated, so it may be retried without a precondition.
        _ask_gcs(lambda: blob.upload_from_string(data, "application/octet-stream", retry=RETRY), "bucket")

    def get(self, path: str) -> bytes:
        return _ask_gcs(lambda: self._bucket.blob(self._prefix + path).download_as_bytes(retry=RETRY), "file")

    def get_part(self, path: str, start: int, stop: int) -> bytes:
        blob = self._bucket.blob(self._prefix + path)
        return _ask_gcs(lambda: blob.download_as_bytes(start=start, end=stop - 1, checksum=None, retry=RETRY), "file")

    def size(self, path: str) -> int:
        blob = self._bucket.blob(self._prefix + path)
        _ask_gcs(lambda: blob.reload(retry=RETRY), "file")
        return blob.size or 0

    def exists(self, path: str) -> bool:
        return _ask_gcs(lambda: self._bucket.blob(self._prefix + path).exists(retry=RETRY), "file")

    def list(self, prefix: str) -> list[str]:
        found = _ask_gcs(lambda: list(self._bucket.list_blobs(prefix=self._prefix + prefix, retry=RETRY)), "bucket")
        return [blob.name.removeprefix(self._prefix) for blob in found]

    def delete(self, path: str) -> None:
        try:
            _ask_gcs(lambda: self._bucket.blob(self._prefix + path).delete(retry=RETRY), "file")
        except FileNotFoundError:
            return

    def put_if(self, path: str, data: bytes, tag: str | None) -> str | None:
        blob = self._bucket.blob(self._prefix + path)
        match = int(tag) if tag else 0
        try:
            blob.upload_from_string(data, "application/octet-stream", if_generation_match=match, retry=RETRY)
        except google.api_core.exceptions.PreconditionFailed:
            return None
        except google.api_core.exceptions.NotFound as error:
            raise _NO_BUCKET from error
        except GOOGLE_ERRORS as error:
            raise from_google(error) from error
        return str(blob.generation)

    def get_tagged(self, path: str) -> tuple[bytes, str]:
        blob = self._bucket.blob(self._prefix + path)
        data = _ask_gcs(lambda: blob.download_as_bytes(retry=RETRY), "file")
        return data, str(blob.generation)


def _ask_gcs(call: Callable[[], Any], needs: str) -> Any:
    """Send a request that needs a file or the bucket: GCS says of either that it's Not Found, in many words."""
    try:
        return call()
    except google.api_core.exceptions.NotFound as error:
        raise (FileNotFoundError(error.message) if needs == "file" else _NO_BUCKET) from error
    except GOOGLE_ERRORS as error:
        raise from_google(error) from error
