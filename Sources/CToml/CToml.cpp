// The shim over toml++: parse, flatten, keep the strings alive.

#include "CToml.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

// toml++ 3.3 asserts what the text decides, and without assertions lets the optimizer assume the same. So the
// assertions stay in every build and throw: a hostile file is then an error and neither a crash nor worse.
#undef NDEBUG
#define TOML_ASSERT(condition) require_in_toml(static_cast<bool>(condition), #condition)

struct BrokenAssumption {};

static void require_in_toml(bool holds, std::string_view condition) {
    if (holds) return;
    // Three that texts are known to break: `[.a]`, `a = [}`, `a = 2026-01-01Tx:1`. The code behind each of them tests
    // the same once more, and reports it with a message and a place.
    if (condition == "is_bare_key_character(*cp) || is_string_delimiter(*cp)") return;
    if (condition == "!is_value_terminator(*cp)") return;
    if (condition == "is_decimal_digit(*cp)") return;
    throw BrokenAssumption{};
}

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// Arrays and inline tables within each other; it bounds the recursion here, in toml++ and in the caller.
#define TOML_MAX_NESTED_VALUES 16

// Its character classes call every scalar unreachable that is not listed: `é` where white space may be runs into
// that. They answer `false` instead; everywhere else the unreachable is a broken assumption.
#include <toml++/impl/forward_declarations.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return {}
#include <toml++/impl/unicode.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE require_in_toml(false, "unreachable")
#include <toml++/toml.h>

struct ctoml_document {
    toml::table root;
    std::vector<ctoml_node> nodes;
    /// What the tree does not hold as text itself. A deque, since its elements never move.
    std::deque<std::string> texts;
    std::string error;
    ctoml_position error_position{1, 1};
};

namespace {

ctoml_text text_of(std::string_view text) { return {text.data(), text.size()}; }

ctoml_position position_of(const toml::source_position &position) { return {position.line, position.column}; }

/// Finds a key with too many segments, by counting dots outside strings and comments. It follows the text only
/// as far as that is valid TOML; toml++ stops at the first error and never sees what comes behind it.
class KeyLengthCheck {
public:
    explicit KeyLengthCheck(std::string_view text) : text(text) {}

    bool finds_too_long(ctoml_position &where) {
        int dots = 0;
        while (!at_end()) {
            switch (text[index]) {
            case '"':
            case '\'':
                skip_string(text[index]);
                continue;
            case '#':
                while (!at_end() && text[index] != '\n') advance();
                continue;
            case '.':
                if (++dots >= CTOML_MAX_KEY_SEGMENTS) {
                    where = position;
                    return true;
                }
                break;
            case '\n':
            case '=':
            case ',':
            case '[':
            case ']':
            case '{':
            case '}':
                dots = 0;
                break;
            default:
                break;
            }
            advance();
        }
        return false;
    }

private:
    std::string_view text;
    size_t index = 0;
    ctoml_position position{1, 1};

    bool at_end() const { return index >= text.size(); }

    void advance() {
        const auto byte = static_cast<unsigned char>(text[index++]);
        if (byte == '\n') {
            position = {position.line + 1, 1};
        } else if ((byte & 0xC0) != 0x80) {
            position.column += 1;
        }
    }

    bool is_triple(char quote) const {
        return text.size() - index >= 3 && text[index] == quote && text[index + 1] == quote && text[index + 2] == quote;
    }

    void skip_string(char quote) {
        const bool is_long = is_triple(quote);
        for (int i = 0; i < (is_long ? 3 : 1); ++i) advance();
        while (!at_end()) {
            const char byte = text[index];
            if (byte == '\\' && quote == '"') {
                advance();
                if (!at_end()) advance();
            } else if (is_long && is_triple(quote)) {
                // Up to two quotes may stand directly before the three that close it.
                for (int i = 0; i < 5 && !at_end() && text[index] == quote; ++i) advance();
                return;
            } else if (!is_long && (byte == quote || byte == '\n')) {
                advance();
                return;
            } else {
                advance();
            }
        }
    }
};

class Flattener {
public:
    explicit Flattener(ctoml_document &document) : document(document) {}

    void add(const toml::node &value, const toml::key *key) {
        const size_t index = document.nodes.size();
        document.nodes.push_back({});
        ctoml_node node{};
        if (key != nullptr) {
            node.key = text_of(key->str());
            node.key_position = position_of(key->source().begin);
        }
        node.position = position_of(value.source().begin);

        if (const auto *table = value.as_table()) {
            node.kind = CTOML_TABLE;
            node.children = static_cast<uint32_t>(table->size());
            add_entries(*table);
        } else if (const auto *array = value.as_array()) {
            node.kind = CTOML_ARRAY;
            node.children = static_cast<uint32_t>(array->size());
            for (const auto &element : *array) add(element, nullptr);
        } else if (const auto *string = value.as_string()) {
            node.kind = CTOML_STRING;
            node.text = text_of(string->get());
        } else if (const auto *integer = value.as_integer()) {
            node.kind = CTOML_INTEGER;
            node.integer = integer->get();
        } else if (const auto *real = value.as_floating_point()) {
            node.kind = CTOML_FLOAT;
            node.real = real->get();
        } else if (const auto *boolean = value.as_boolean()) {
            node.kind = CTOML_BOOLEAN;
            node.integer = boolean->get() ? 1 : 0;
        } else {
            node.kind = CTOML_DATE_TIME;
            std::ostringstream stream;
            if (const auto *date = value.as_date()) stream << date->get();
            if (const auto *time = value.as_time()) stream << time->get();
            if (const auto *both = value.as_date_time()) stream << both->get();
            node.text = text_of(document.texts.emplace_back(stream.str()));
        }
        document.nodes[index] = node;
    }

private:
    ctoml_document &document;

    /// In the order of the text; toml++ keeps tables sorted by key.
    void add_entries(const toml::table &table) {
        std::vector<std::pair<const toml::key *, const toml::node *>> entries;
        entries.reserve(table.size());
        for (auto it = table.cbegin(); it != table.cend(); ++it) entries.emplace_back(&it->first, &it->second);
        std::sort(entries.begin(), entries.end(), [](const auto &left, const auto &right) {
            return left.first->source().begin < right.first->source().begin;
        });
        for (const auto &entry : entries) add(*entry.second, entry.first);
    }
};

/// A document that is only an error, about the text as a whole.
ctoml_document *refused(const char *reason) noexcept {
    try {
        auto document = std::make_unique<ctoml_document>();
        document->error = reason;
        return document.release();
    } catch (...) {
        return nullptr;
    }
}

} // namespace

extern "C" {

ctoml_document *ctoml_parse(const char *bytes, size_t length) {
    try {
        auto document = std::make_unique<ctoml_document>();
        const std::string_view text(bytes, length);
        if (KeyLengthCheck(text).finds_too_long(document->error_position)) {
            document->error = "this key has more than " + std::to_string(CTOML_MAX_KEY_SEGMENTS) + " segments";
            return document.release();
        }
        auto result = toml::parse(text);
        if (result.failed()) {
            document->error = result.error().description();
            document->error_position = position_of(result.error().source().begin);
        } else {
            document->root = std::move(result).table();
            Flattener(*document).add(document->root, nullptr);
        }
        return document.release();
    } catch (const BrokenAssumption &) {
        return refused("the text breaks an assumption of the parser");
    } catch (...) {
        return nullptr;
    }
}

const ctoml_node *ctoml_nodes(const ctoml_document *document, size_t *count) {
    *count = document->nodes.size();
    return document->nodes.empty() ? nullptr : document->nodes.data();
}

ctoml_text ctoml_error_message(const ctoml_document *document) { return text_of(document->error); }

ctoml_position ctoml_error_position(const ctoml_document *document) { return document->error_position; }

void ctoml_free(ctoml_document *document) { delete document; }

}
