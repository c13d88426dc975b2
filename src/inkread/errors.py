"""Every error Inkread raises on purpose, in one tree.

Catch all of them with ``except inkread.InkreadError as error``. The message is one sentence for a person.

::

    InkreadError
    ├── InputError                 a file, page or array cannot be read
    │   ├── InputNotFoundError     the path does not exist, or a folder holds nothing readable
    │   ├── UnsupportedInputError  the content is none of the formats Inkread reads
    │   ├── DamagedInputError      the format is known, the content is truncated or corrupt
    │   ├── BadPageError           one page of a file cannot be read, the others can
    │   ├── EncryptedInputError    the file needs a password
    │   └── InputTooLargeError     bytes, pixels or pages exceed the limits
    ├── LayoutFileError            a PAGE, ALTO or JSON file does not say what Inkread needs
    │   └── BadLineError           one line of such a file cannot be used, the others can
    ├── BundleError                a model bundle is missing, incomplete or inconsistent
    ├── DatasetError               a dataset folder or manifest is missing or inconsistent
    ├── RegistryError              the model registry refuses, or has no such version
    │   └── RegistryDownError      it cannot be reached
    ├── PatternError               a pattern for a field has an error, or nothing can fit it
    ├── TemplateError              a form's template is missing, has an error or does not fit together
    ├── SettingsError              a service's settings are missing, wrong or not safe
    └── OutputError                a result cannot be written
"""


class InkreadError(Exception):
    """Base of all errors that Inkread raises on purpose."""


class InputError(InkreadError):
    """A file, page or array cannot be read."""


class InputNotFoundError(InputError):
    """The path does not exist, or a folder holds nothing readable."""


class UnsupportedInputError(InputError):
    """The content is none of the formats Inkread reads."""


class DamagedInputError(InputError):
    """The format is known, but the content is truncated or corrupt."""


class BadPageError(InputError):
    """One page of a file cannot be read, the others can."""


class EncryptedInputError(InputError):
    """The file needs a password."""


class InputTooLargeError(InputError):
    """Bytes, pixels or pages exceed the limits."""


class LayoutFileError(InkreadError):
    """A PAGE, ALTO or JSON file does not say what Inkread needs."""


class BadLineError(LayoutFileError):
    """One line of a PAGE or ALTO file cannot be used, the others can."""


class BundleError(InkreadError):
    """A model bundle is missing, incomplete or inconsistent."""


class DatasetError(InkreadError):
    """A dataset folder or manifest is missing or inconsistent."""


class RegistryError(InkreadError):
    """The model registry refuses, or has no such version."""


class RegistryDownError(RegistryError):
    """The model registry cannot be reached; try again."""


class PatternError(InkreadError):
    """A pattern for a field has an error, or no text that the model can write fits it."""


class TemplateError(InkreadError):
    """A form's template is missing, has an error or does not fit together."""


class SettingsError(InkreadError):
    """A service's settings are missing, wrong or not safe."""


class OutputError(InkreadError):
    """A result cannot be written."""
