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
