// A mobile package (sluice-export mobile) on iOS: reads model.json, decodes a picture, runs model.ort, answers the best
// classes. The package onnxruntime-swift-package-manager gives OnnxRuntimeBindings; the pod is onnxruntime-objc.

import Foundation
import ImageIO
import OnnxRuntimeBindings

struct ScoredClass {
  let index: Int
  let label: String?
  let score: Double
}

struct Manifest: Decodable {
  struct Output: Decodable {
    let activation: String?
    let topK: Int?
    let labels: String?
  }
  let image: ImageSpec
  let output: Output?
}

enum PackageError: Error {
  case pictureUndecodable(bytes: Int)
  case outputMissing(String)
}

/// Open it once, off the main thread. `folder` is the package in the app's bundle.
final class Classifier {
  private let manifest: Manifest
  private let labels: [String]?
  private let environment: ORTEnv
  private let session: ORTSession
  private let inputName: String
  private let outputName: String

  init(folder: URL) throws {
    manifest = try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: folder.appendingPathComponent("model.json")))
    labels = try manifest.output?.labels.map { try labelsOf(Data(contentsOf: folder.appendingPathComponent($0))) }
    environment = try ORTEnv(loggingLevel: .warning)
    session = try ORTSession(
      env: environment, modelPath: folder.appendingPathComponent("model.ort").path, sessionOptions: nil)
    inputName = try session.inputNames()[0]
    outputName = try session.outputNames()[0]
  }

  /// `picture` is the bytes of a file, not a UIImage that something has already scaled, turned or recoloured.
  func classify(_ picture: Data) throws -> [ScoredClass] {
    let tensor = preprocess(try decode(picture), manifest.image)
    let bytes = tensor.data.withUnsafeBytes { NSMutableData(bytes: $0.baseAddress, length: $0.count) }
    let input = try ORTValue(tensorData: bytes, elementType: .float, shape: tensor.shape.map { NSNumber(value: $0) })
    let results = try session.run(withInputs: [inputName: input], outputNames: [outputName], runOptions: nil)
    guard let result = results[outputName] else { throw PackageError.outputMissing(outputName) }
    let logits = (try result.tensorData() as Data).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    return best(logits.map(Double.init))
  }

  private func best(_ raw: [Double]) -> [ScoredClass] {
    let scores: [Double]
    switch manifest.output?.activation ?? "softmax" {
    case "softmax":
      // Less the largest, so that no power overflows.
      let largest = raw.max() ?? 0
      let powers = raw.map { exp($0 - largest) }
      let sum = powers.reduce(0, +)
      scores = powers.map { $0 / sum }
    case "sigmoid": scores = raw.map { 1 / (1 + exp(-$0)) }
    default: scores = raw
    }
    // Of equal scores the lower index first.
    let order = scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
    return order.prefix(manifest.output?.topK ?? 5).map {
      ScoredClass(index: $0, label: labels?[$0], score: scores[$0])
    }
  }
}

/// The picture's own samples: in its own colour space, so that nothing is converted, and turned as its EXIF says.
func decode(_ picture: Data) throws -> Pixels {
  guard let source = CGImageSourceCreateWithData(picture as CFData, nil),
    let image = CGImageSourceCreateImageAtIndex(source, 0, nil)
  else { throw PackageError.pictureUndecodable(bytes: picture.count) }
  let (width, height) = (image.width, image.height)
  let isRGB = image.colorSpace?.model == .rgb
  let space = isRGB ? image.colorSpace! : CGColorSpaceCreateDeviceRGB()
  var rgba = [UInt8](repeating: 0, count: width * height * 4)
  let drawn = rgba.withUnsafeMutableBytes { memory -> Bool in
    // Without alpha: transparent parts come out black, where the service keeps the colours under them.
    guard
      let context = CGContext(
        data: memory.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: width * 4,
        space: space, bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
    else { return false }
    context.interpolationQuality = .none
    context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
    return true
  }
  guard drawn else { throw PackageError.pictureUndecodable(bytes: picture.count) }
  let data = (0..<width * height * 3).map { rgba[$0 / 3 * 4 + $0 % 3] }
  let properties = CGImageSourceCopyPropertiesAtIndex(source, 0, nil) as? [CFString: Any]
  let orientation = properties?[kCGImagePropertyOrientation] as? Int ?? 1
  return upright(Pixels(width: width, height: height, channels: 3, data: data), orientation)
}

/// An array of names, or an object by class index whose values are names or lists that end in one.
private func labelsOf(_ json: Data) throws -> [String] {
  let value = try JSONSerialization.jsonObject(with: json)
  if let names = value as? [String] { return names }
  let byIndex = value as? [String: Any] ?? [:]
  return (0..<byIndex.count).map { index in
    let entry = byIndex["\(index)"]
    return entry as? String ?? (entry as? [String])?.last ?? "class \(index)"
  }
}
