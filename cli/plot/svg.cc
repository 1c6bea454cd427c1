#include "cli/plot/svg.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

// A tenth of a pixel is less than anyone sees, and keeps long curves short.
std::string Number(double value) {
  const double tenths = std::round(value * 10);
  return absl::StrFormat("%g", tenths == 0 ? 0 : tenths / 10);
}

std::string StrokeAttributes(const Stroke& stroke) {
  std::string text = absl::StrCat(" stroke=\"", ToAbsl(stroke.color), "\" stroke-width=\"", stroke.width, "\"");
  if (stroke.opacity < 1) absl::StrAppend(&text, " stroke-opacity=\"", stroke.opacity, "\"");
  if (!stroke.dashes.empty()) absl::StrAppend(&text, " stroke-dasharray=\"", ToAbsl(stroke.dashes), "\"");
  return text;
}

// The length of the UTF-8 character at the beginning of `text`, or 0 if there is none that XML takes.
size_t CharacterLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first >= 0xf5 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, what lies beyond Unicode, and the two that are no characters.
  const unsigned char second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
      (first == 0xf4 && second > 0x8f) || (first == 0xef && second == 0xbf && byte(2) >= 0xbe)) {
    return 0;
  }
  return length;
}

}  // namespace

std::string SvgText(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    switch (text[0]) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += length > 0 ? std::string(text.substr(0, length)) : "\xef\xbf\xbd";
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return escaped;
}

Svg::Svg(double width, double height, std::string_view title) {
  const std::string size = absl::StrFormat("width=\"%s\" height=\"%s\"", Number(width), Number(height));
  text_ = absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" ", size, " viewBox=\"0 0 ", Number(width), " ",
                       Number(height),
                       "\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" role=\"img\">\n<title>",
                       SvgText(title), "</title>\n<rect ", size, " fill=\"#ffffff\"/>\n");
}

void Svg::Line(CurvePoint from, CurvePoint to, const Stroke& stroke) {
  absl::StrAppend(&text_, "<line x1=\"", Number(from.x), "\" y1=\"", Number(from.y), "\" x2=\"", Number(to.x),
                  "\" y2=\"", Number(to.y), "\"", StrokeAttributes(stroke), "/>\n");
}

void Svg::Polyline(std::span<const CurvePoint> points, const Stroke& stroke) {
  if (points.size() < 2) return;
  absl::StrAppend(&text_, "<polyline fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\"",
                  StrokeAttributes(stroke), " points=\"");
  for (size_t i = 0; i < points.size(); ++i) {
    absl::StrAppend(&text_, i > 0 ? " " : "", Number(points[i].x), ",", Number(points[i].y));
  }
  text_ += "\"/>\n";
}

void Svg::Dot(CurvePoint center, double radius, std::string_view color) {
  absl::StrAppend(&text_, "<circle cx=\"", Number(center.x), "\" cy=\"", Number(center.y), "\" r=\"", Number(radius),
                  "\" fill=\"", ToAbsl(color), "\" stroke=\"#ffffff\" stroke-width=\"0.8\"/>\n");
}

void Svg::Text(CurvePoint at, std::string_view text, const TextStyle& style) {
  absl::StrAppend(&text_, "<text x=\"", Number(at.x), "\" y=\"", Number(at.y), "\" font-size=\"", Number(style.size),
                  "\" fill=\"", ToAbsl(style.color), "\"", style.bold ? " font-weight=\"bold\"" : "");
  if (style.anchor != "start") absl::StrAppend(&text_, " text-anchor=\"", ToAbsl(style.anchor), "\"");
  absl::StrAppend(&text_, ">", SvgText(text));
  if (!style.aside.empty()) {
    absl::StrAppend(&text_, "<tspan dx=\"", Number(style.size * 0.7), "\" fill=\"#777777\">", SvgText(style.aside),
                    "</tspan>");
  }
  text_ += "</text>\n";
}

void Svg::BeginClip(CurvePoint upper_left, double width, double height) {
  const std::string name = absl::StrCat("clip", ++clips_);
  absl::StrAppend(&text_, "<clipPath id=\"", name, "\"><rect x=\"", Number(upper_left.x), "\" y=\"",
                  Number(upper_left.y), "\" width=\"", Number(width), "\" height=\"", Number(height),
                  "\"/></clipPath>\n<g clip-path=\"url(#", name, ")\">\n");
}

void Svg::EndClip() { text_ += "</g>\n"; }

std::string Svg::Finish() && {
  text_ += "</svg>\n";
  return std::move(text_);
}

}  // namespace downpour
