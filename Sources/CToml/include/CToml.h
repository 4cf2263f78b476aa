// TOML text to a flat list of nodes, through toml++. toml++ because it keeps the position of every key and value;
// behind C because Swift then needs no C++ interoperability and no C++ exception can reach it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ctoml_kind {
    CTOML_STRING,
    CTOML_INTEGER,
    CTOML_FLOAT,
    CTOML_BOOLEAN,
    /// A date, a time or both; `text` has it in the form of RFC 3339.
    CTOML_DATE_TIME,
    CTOML_ARRAY,
    CTOML_TABLE,
};

/// A place in the text: both count from 1, columns in Unicode scalars.
struct ctoml_position {
    uint32_t line;
    uint32_t column;
};

/// Bytes that the document owns: UTF-8, not terminated.
struct ctoml_text {
    const char *bytes;
    size_t length;
};

/// A value, and the key before it where it is in a table. Which of the last members counts is up to `kind`.
struct ctoml_node {
    uint32_t kind;
    /// Of an array or a table: how many nodes are directly in it. They follow it, each with its own behind it.
    uint32_t children;
    struct ctoml_text key;
    struct ctoml_position key_position;
    struct ctoml_position position;
    struct ctoml_text text;
    int64_t integer;
    double real;
};

typedef struct ctoml_document ctoml_document;

/// Parses UTF-8 text. The result is to be given to `ctoml_free`; NULL only where memory is short.
ctoml_document *ctoml_parse(const char *bytes, size_t length);

/// The nodes in the order of the text, the root table first; NULL where the text is not valid.
const struct ctoml_node *ctoml_nodes(const ctoml_document *document, size_t *count);

/// What is wrong with a text that has no nodes.
struct ctoml_text ctoml_error_message(const ctoml_document *document);
struct ctoml_position ctoml_error_position(const ctoml_document *document);

void ctoml_free(ctoml_document *document);

/// A key with more segments (`a.b.c` has 3) is refused: toml++ 3.3 has no limit of its own and recurses over them.
enum { CTOML_MAX_KEY_SEGMENTS = 32 };

#ifdef __cplusplus
}
#endif
