// From decoded pixels to a classifier's input, as model.json says, in plain Swift: meant to give the service's numbers.
//
// Core Graphics and Core Image scale with filters of their own: another picture than training saw, and other scores.
// Hence the resampler here, which is Pillow's.

/// Rows without padding of 8-bit samples: 3 channels (RGB) or 1.
struct Pixels {
  let width: Int
  let height: Int
  let channels: Int
  var data: [UInt8]
}

/// `image` of model.json. Sizes are [height, width]; `mean` and `std` are in the order of `color`.
struct ImageSpec: Decodable {
  struct Resize: Decodable {
    let shorterSide: Int?
    let exact: [Int]?
  }
  let resize: Resize?
  let crop: [Int]?
  let color: String?
  let scale: Double?
  let mean: [Double]?
  let std: [Double]?
  let layout: String?
}

/// A tensor of shape [1, channels, height, width], or [1, height, width, channels] for NHWC.
struct PictureTensor {
  let shape: [Int]
  let data: [Float]
}

/// `source` is RGB, upright (see `upright`).
func preprocess(_ source: Pixels, _ spec: ImageSpec) -> PictureTensor {
  let pixels = spec.color == "GRAY" ? gray(source) : source
  let size = resizedSize(pixels, spec.resize)
  let crop = spec.crop.map { (height: $0[0], width: $0[1]) } ?? size
  return normalise(cropped(resized(pixels, size), crop), spec)
}

/// Turns a picture as its EXIF orientation (1 to 8) says; a CGImage leaves that to its caller.
func upright(_ source: Pixels, _ orientation: Int) -> Pixels {
  guard (2...8).contains(orientation) else { return source }
  let swapped = orientation >= 5
  let width = swapped ? source.height : source.width
  let height = swapped ? source.width : source.height
  var data = [UInt8](repeating: 0, count: source.data.count)
  for y in 0..<height {
    for x in 0..<width {
      let from: (x: Int, y: Int)
      switch orientation {
      case 2: from = (width - 1 - x, y)
      case 3: from = (width - 1 - x, height - 1 - y)
      case 4: from = (x, height - 1 - y)
      case 5: from = (y, x)
      case 6: from = (y, width - 1 - x)
      case 7: from = (height - 1 - y, width - 1 - x)
      default: from = (height - 1 - y, x)
      }
      for channel in 0..<source.channels {
        data[(y * width + x) * source.channels + channel] =
          source.data[(from.y * source.width + from.x) * source.channels + channel]
      }
    }
  }
  return Pixels(width: width, height: height, channels: source.channels, data: data)
}

private func gray(_ source: Pixels) -> Pixels {
  let data = (0..<source.width * source.height).map { i -> UInt8 in
    let (red, green, blue) = (Int(source.data[i * 3]), Int(source.data[i * 3 + 1]), Int(source.data[i * 3 + 2]))
    return UInt8((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16)
  }
  return Pixels(width: source.width, height: source.height, channels: 1, data: data)
}

/// The longer side is truncated, as torchvision does it.
private func resizedSize(_ source: Pixels, _ resize: ImageSpec.Resize?) -> (height: Int, width: Int) {
  if let exact = resize?.exact { return (exact[0], exact[1]) }
  guard let side = resize?.shorterSide else { return (source.height, source.width) }
  return source.width <= source.height
    ? (side * source.height / source.width, side) : (side, side * source.width / source.height)
}

private func resized(_ source: Pixels, _ size: (height: Int, width: Int)) -> Pixels {
  let across = { (at: Pixels) in
    at.width == size.width ? at : transposed(alongRows(transposed(at), to: size.width))
  }
  let down = { (at: Pixels) in at.height == size.height ? at : alongRows(at, to: size.height) }
  // Pillow goes down first where that leaves less to do, and rounds to 8 bits in between: the order shows.
  let isTall = source.height > 2 * source.width && size.height < source.height
  return isTall ? across(down(source)) : down(across(source))
}

/// Resamples the rows of `source` to `count` of them: a triangle as wide as the shrink factor, in fixed point.
private func alongRows(_ source: Pixels, to count: Int) -> Pixels {
  let weightBits = 22
  let row = source.width * source.channels
  var data = [UInt8](repeating: 0, count: row * count)
  let scale = Double(source.height) / Double(count)
  let support = max(scale, 1)
  for y in 0..<count {
    let centre = (Double(y) + 0.5) * scale
    let first = max(0, Int(centre - support + 0.5))
    let end = min(source.height, Int(centre + support + 0.5))
    let triangle = (first..<end).map { max(0, 1 - abs((Double($0) - centre + 0.5) / support)) }
    let sum = triangle.reduce(0, +)
    let weights = triangle.map { Int($0 / sum * Double(1 << weightBits) + 0.5) }
    for i in 0..<row {
      var total = 1 << (weightBits - 1)
      for (tap, weight) in weights.enumerated() { total += Int(source.data[(first + tap) * row + i]) * weight }
      data[y * row + i] = UInt8(min(255, max(0, total >> weightBits)))
    }
  }
  return Pixels(width: source.width, height: count, channels: source.channels, data: data)
}

private func transposed(_ source: Pixels) -> Pixels { upright(source, 5) }

/// Out of the middle; black where the picture is smaller.
private func cropped(_ source: Pixels, _ size: (height: Int, width: Int)) -> Pixels {
  if size.width == source.width && size.height == source.height { return source }
  let left = offset(source.width, size.width)
  let top = offset(source.height, size.height)
  let channels = source.channels
  var data = [UInt8](repeating: 0, count: size.width * size.height * channels)
  for y in max(0, -top)..<min(size.height, source.height - top) {
    for x in max(0, -left)..<min(size.width, source.width - left) {
      for channel in 0..<channels {
        data[(y * size.width + x) * channels + channel] =
          source.data[((top + y) * source.width + left + x) * channels + channel]
      }
    }
  }
  return Pixels(width: size.width, height: size.height, channels: channels, data: data)
}

/// Halves go to the even number; negative where there is padding.
private func offset(_ size: Int, _ crop: Int) -> Int {
  crop > size ? -((crop - size) / 2) : Int((Double(size - crop) / 2).rounded(.toNearestOrEven))
}

private func normalise(_ pixels: Pixels, _ spec: ImageSpec) -> PictureTensor {
  let channels = pixels.channels
  let area = pixels.width * pixels.height
  let planar = (spec.layout ?? "NCHW") == "NCHW"
  var data = [Float](repeating: 0, count: area * channels)
  for channel in 0..<channels {
    let mean = Float(spec.mean?[channel] ?? 0)
    let std = Float(spec.std?[channel] ?? 1)
    // The product with scale in double, then every step rounded to a float: as torchvision's values are.
    let table = (0..<256).map { (Float(Double($0) * (spec.scale ?? 1.0 / 255)) - mean) / std }
    let from = spec.color == "BGR" ? 2 - channel : channel
    for i in 0..<area {
      data[planar ? channel * area + i : i * channels + channel] = table[Int(pixels.data[i * channels + from])]
    }
  }
  let shape =
    planar ? [1, channels, pixels.height, pixels.width] : [1, pixels.height, pixels.width, channels]
  return PictureTensor(shape: shape, data: data)
}
