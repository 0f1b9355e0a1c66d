import { placementOf } from './geometry.js';

describe('the geometry of torchvision', () => {
  it('truncates the longer side', () => {
    expect(placementOf({ width: 640, height: 427 }, { resize: { shorterSide: 256 } }).resized).toEqual({
      width: 383,
      height: 256,
    });
    expect(placementOf({ width: 301, height: 900 }, { resize: { shorterSide: 224 } }).resized).toEqual({
      width: 224,
      height: 669,
    });
  });

  it('sets a crop of half a pixel to the even offset', () => {
    const leftOf = (width: number): number => placementOf({ width, height: 224 }, { crop: [224, 224] }).crop.left;
    expect([225, 227, 229, 231].map(leftOf)).toEqual([0, 2, 2, 4]);
  });

  it('gives an exact size as height and width', () => {
    expect(placementOf({ width: 5, height: 5 }, { resize: { exact: [10, 20] } }).crop).toEqual({
      left: 0,
      top: 0,
      width: 20,
      height: 10,
    });
  });

  it('begins outside a picture that is smaller than the crop', () => {
    expect(placementOf({ width: 2, height: 3 }, { crop: [4, 5] }).crop).toMatchObject({ left: -1, top: -0 });
  });
});

describe('a letterbox', () => {
  const of = (width: number, height: number): ReturnType<typeof placementOf> =>
    placementOf({ width, height }, { resize: { letterbox: [640, 640], fill: 114 } });

  it.each([
    // Values of Ultralytics' LetterBox.
    { width: 1280, height: 720, resized: { width: 640, height: 360 }, left: 0, top: -140 },
    { width: 810, height: 1080, resized: { width: 480, height: 640 }, left: -80, top: 0 },
    { width: 500, height: 333, resized: { width: 640, height: 426 }, left: 0, top: -107 },
    { width: 500, height: 374, resized: { width: 640, height: 479 }, left: 0, top: -80 },
    { width: 1, height: 3000, resized: { width: 1, height: 640 }, left: -319, top: 0 },
  ])('keeps the aspect of $width x $height, in the middle', ({ width, height, resized, left, top }) => {
    expect(of(width, height).resized).toEqual(resized);
    const { crop } = of(width, height);
    expect([crop.left + 0, crop.top + 0, crop.width, crop.height]).toEqual([left, top, 640, 640]);
  });
});
